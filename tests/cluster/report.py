"""Write what the last run of `make cluster-test` measured into docs/kubernetes.md."""

import json
import re
import sys
from pathlib import Path
from typing import Final

from cluster.measured import PATH

_DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "kubernetes.md"
_BLOCK: Final = re.compile(r"(<!-- measured -->\n).*?(<!-- /measured -->)", re.DOTALL)


def tables(figures: dict[str, dict[str, float]]) -> str:
    """Return one table a group of figures, pods side by side."""
    pods = {group: found for group, found in figures.items() if "at rest" in group or "under load" in group}
    parts = [_list(group, figures[group]) for group in figures if group not in pods]
    return "\n\n".join([*parts, _by_pod(pods)])


def _list(group: str, found: dict[str, float]) -> str:
    rows = [f"| {name} | {value:.0f} |" for name, value in found.items()]
    return "\n".join([f"| {group} | |", "|---|---|", *rows])


def _by_pod(groups: dict[str, dict[str, float]]) -> str:
    components = list(dict.fromkeys(name for found in groups.values() for name in found))
    rows = [
        f"| {name} | " + " | ".join(_cell(found.get(name)) for found in groups.values()) + " |"
        for name in components
    ]
    return "\n".join(["| pod | " + " | ".join(groups) + " |", "|---|" + "---|" * len(groups), *rows])


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def main() -> int:
    """Write the tables."""
    if not PATH.exists():
        print(f"{PATH} is not there: run `make cluster-test`", file=sys.stderr)
        return 1
    figures = json.loads(PATH.read_text(encoding="utf-8"))
    text = _DOCUMENT.read_text(encoding="utf-8")
    _DOCUMENT.write_text(
        _BLOCK.sub(lambda found: f"{found[1]}\n{tables(figures)}\n\n{found[2]}", text), encoding="utf-8"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
