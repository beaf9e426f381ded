"""Figures of a run, for docs/kubernetes.md (see cluster.report)."""

import json
from pathlib import Path
from typing import Final

PATH: Final = Path(__file__).parents[2] / "reports" / "cluster.json"


class Measured:
    """Figures by group and name."""

    def __init__(self) -> None:
        self._figures: dict[str, dict[str, float]] = {}

    def note(self, group: str, name: str, value: float) -> None:
        """Record one figure."""
        self._figures.setdefault(group, {})[name] = value

    def note_usage(self, when: str, usage: dict[str, tuple[float, float]]) -> None:
        """Record the result of Namespace.usage."""
        for component, (cpu, memory) in usage.items():
            self.note(f"{when}, MiB", component, memory)
            self.note(f"{when}, millicores", component, cpu)

    def save(self) -> None:
        """Write the figures; keep those of an earlier run that this run did not measure."""
        PATH.parent.mkdir(exist_ok=True)
        kept = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {}
        for group, figures in self._figures.items():
            kept.setdefault(group, {}).update(figures)
        PATH.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
