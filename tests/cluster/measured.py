"""What a run measured, kept for docs/kubernetes.md (cluster.report writes it there)."""

import json
from pathlib import Path
from typing import Final

PATH: Final = Path(__file__).parents[2] / "reports" / "cluster.json"


class Measured:
    """Figures by group and name."""

    def __init__(self) -> None:
        self._figures: dict[str, dict[str, float]] = {}

    def note(self, group: str, name: str, value: float) -> None:
        """Keep one figure."""
        self._figures.setdefault(group, {})[name] = value

    def note_usage(self, when: str, usage: dict[str, tuple[float, float]]) -> None:
        """Keep what Namespace.usage returned."""
        for component, (cpu, memory) in usage.items():
            self.note(f"{when}, MiB", component, memory)
            self.note(f"{when}, thousandths of a core", component, cpu)

    def save(self) -> None:
        """Write them all; figures of an earlier run that this one did not take stay."""
        PATH.parent.mkdir(exist_ok=True)
        kept = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {}
        for group, figures in self._figures.items():
            kept.setdefault(group, {}).update(figures)
        PATH.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
