"""The results of a run: a Markdown table and a JSON file."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bench.rounds import Figure

PATH: Final = Path("reports/bench.json")
_COLUMNS: Final = ("figure", "median", "rounds", "A/A control", "target", "result")


def progress(line: str) -> None:
    print(f"bench: {line}", file=sys.stderr, flush=True)


def revision(folder: Path) -> str:
    """Name the version of a checkout; empty where it is no repository."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def table(figures: Sequence[Figure]) -> str:
    """Format the figures as a Markdown table."""
    rows = [_COLUMNS, *map(_row, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    lines = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def notes(figures: Sequence[Figure]) -> str:
    """Format the figures' notes, one line for each figure."""
    lines = []
    for figure in figures:
        values = ", ".join(f"{name} {_number(value)}" for name, value in figure.notes.items())
        if values:
            lines.append(f"{figure.name}: {values}")
    return "\n".join(lines)


def write(figures: Sequence[Figure], run: dict[str, Any]) -> None:
    """Write the JSON file."""
    PATH.parent.mkdir(exist_ok=True)
    document = {
        "run": {**run, "python": platform.python_version(), "cores": os.cpu_count()},
        "figures": [figure_document(figure) for figure in figures],
    }
    PATH.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def figure_document(figure: Figure) -> dict[str, Any]:
    """Return a figure for JSON."""
    return {
        "name": figure.name,
        "unit": figure.unit,
        "median": figure.median,
        "rounds": list(figure.values),
        "control": list(figure.control),
        "bound": figure.bound.value,
        "target": figure.target,
        "met": figure.is_met,
        "notes": dict(figure.notes),
    }


def _row(figure: Figure) -> tuple[str, ...]:
    unit = "" if figure.unit == "x" else f" {figure.unit}"
    return (
        figure.name,
        f"{figure.median:.2f}{unit}",
        f"{min(figure.values):.2f} - {max(figure.values):.2f} (n={len(figure.values)})",
        f"{min(figure.control):.2f} - {max(figure.control):.2f}" if figure.control else "-",
        f"{figure.bound.value} {figure.target:.3g}{unit}",
        "met" if figure.is_met else "MISSED",
    )


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
