"""What a run found: one table for people, one JSON file for programs."""

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bench.rounds import Figure

PATH: Final = Path("reports/bench.json")
_COLUMNS: Final = ("figure", "median", "rounds", "A/A control", "target", "")


def table(figures: Sequence[Figure]) -> str:
    """Write the figures as a Markdown table."""
    rows = [_COLUMNS, *(_row(one) for one in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    lines = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def notes(figures: Sequence[Figure]) -> str:
    """Write what stands behind the figures, one line each."""
    lines = []
    for figure in figures:
        told = ", ".join(f"{name} {_number(value)}" for name, value in figure.notes.items())
        if told:
            lines.append(f"{figure.name}: {told}")
    return "\n".join(lines)


def write(figures: Sequence[Figure], run: dict[str, Any]) -> None:
    """Write the JSON file."""
    PATH.parent.mkdir(exist_ok=True)
    document = {
        "run": {**run, "python": platform.python_version(), "cores": len(os.sched_getaffinity(0))},
        "figures": [
            {
                "name": one.name,
                "unit": one.unit,
                "median": one.median,
                "rounds": list(one.values),
                "control": list(one.control),
                "bound": one.bound.value,
                "target": one.target,
                "met": one.is_met,
                "notes": dict(one.notes),
            }
            for one in figures
        ],
    }
    PATH.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _row(figure: Figure) -> tuple[str, ...]:
    unit = "" if figure.unit == "x" else f" {figure.unit}"
    return (
        figure.name,
        f"{figure.median:.2f}{unit}",
        f"{min(figure.values):.2f} - {max(figure.values):.2f} (n={len(figure.values)})",
        f"{min(figure.control):.2f} - {max(figure.control):.2f}" if figure.control else "-",
        f"{figure.bound.value} {figure.target:g}{unit}",
        "met" if figure.is_met else "NOT MET",
    )


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
