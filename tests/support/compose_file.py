"""deploy/compose/compose.yaml with its variables, as Compose reads it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

COMPOSE: Final = Path(__file__).parents[2] / "deploy" / "compose"
_VARIABLE: Final = re.compile(r"\$\{(?P<name>\w+)(?P<operator>:-|:\?|:\+)(?P<text>[^}]*)\}")


def required_variables() -> set[str]:
    """Return the variables without which Compose fails."""
    text = (COMPOSE / "compose.yaml").read_text(encoding="utf-8")
    return {match["name"] for match in _VARIABLE.finditer(text) if match["operator"] == ":?"}


def composed(env: Mapping[str, str]) -> dict[str, Any]:
    """Return the services with these variables; `:-` is a default, `:?` an error, `:+` replaces a value."""

    def value(match: re.Match[str]) -> str:
        found = env.get(match["name"], "")
        if match["operator"] == ":+":
            return match["text"] if found else ""
        assert found or match["operator"] == ":-", match["name"]
        return found or match["text"]

    text = _VARIABLE.sub(value, (COMPOSE / "compose.yaml").read_text(encoding="utf-8"))
    services: dict[str, Any] = yaml.safe_load(text)["services"]
    return services
