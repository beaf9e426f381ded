"""Writes the figures of the last `make cluster-test` into docs/kubernetes.md."""

import json
import re
import sys
from pathlib import Path
from typing import Final

from cluster.measured import PATH

_DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "kubernetes.md"
_TABLES: Final = {
    "how long": ("seconds",),
    "while it happened": ("requests sent", "requests failed"),
    "image": ("image beyond its base, MB",),
    "pod": (
        "at rest, MiB",
        "under load, MiB",
        "at rest, millicores",
        "under load, millicores",
    ),
}
_BLOCK: Final = re.compile(r"(<!-- measured -->\n).*?(<!-- /measured -->)", re.DOTALL)


def tables(figures: dict[str, dict[str, float]]) -> str:
    """Return one table per kind of row, with a column per group of figures."""
    return "\n\n".join(
        _table(row, {group: figures[group] for group in groups if group in figures})
        for row, groups in _TABLES.items()
    )


def _table(row: str, groups: dict[str, dict[str, float]]) -> str:
    names = list(dict.fromkeys(name for found in groups.values() for name in found))
    rows = [
        f"| {name} | " + " | ".join(_cell(found.get(name)) for found in groups.values()) + " |"
        for name in names
    ]
    return "\n".join([f"| {row} | " + " | ".join(groups) + " |", "|---|" + "---|" * len(groups), *rows])


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def main() -> int:
    """Write the tables."""
    if not PATH.exists():
        print(f"{PATH} does not exist: run `make cluster-test`", file=sys.stderr)
        return 1
    figures = json.loads(PATH.read_text(encoding="utf-8"))
    text = _DOCUMENT.read_text(encoding="utf-8")
    _DOCUMENT.write_text(
        _BLOCK.sub(lambda found: f"{found[1]}\n{tables(figures)}\n\n{found[2]}", text), encoding="utf-8"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
