"""The alerts of the chart, with the names of a release in place of the template expressions."""

import re
from functools import cache
from typing import Any, Final

import yaml

from chart.render import CHART

FILES: Final = ("alerts.yaml", "alerts-upstreams.yaml", "alerts-database-proxy.yaml")
NAMESPACE: Final = "x"
_TEMPLATE: Final = re.compile(r"{{-? *(.*?) *-?}}")


@cache
def alerts() -> list[dict[str, Any]]:
    """Return the rules of all files."""
    return [rule for name in FILES for rule in rules(name)]


def rules(name: str) -> list[dict[str, Any]]:
    """Return the rules of a file."""
    text = (CHART / "files" / name).read_text(encoding="utf-8").split("\n", maxsplit=1)[1]
    filled = _TEMPLATE.sub(
        lambda found: f'namespace="{NAMESPACE}"' if found[1] == "$ours" else "doorward", text
    )
    found: list[dict[str, Any]] = yaml.safe_load(filled)
    return found
