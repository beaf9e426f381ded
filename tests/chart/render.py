"""What Helm makes of the chart."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from chart.tools import HELM, ROOT, ToolError, run

CHART: Final = ROOT / "charts" / "doorward"
# The minor versions of two years: three a year, the newest last.
KUBERNETES: Final = ("1.32", "1.33", "1.34", "1.35", "1.36", "1.37")
# A values file with this line lets the chart make secrets: they are new with every render.
RANDOM_MARK: Final = "# chart-check: the chart makes the secrets"
# Custom resources that a cluster may have: the chart offers what they make possible.
_API_VERSIONS: Final = ("monitoring.coreos.com/v1", "gateway.networking.k8s.io/v1")


@dataclass(frozen=True)
class Case:
    """The chart with the values of one file; without a file, with its defaults."""

    values: Path | None = None
    chart: Path = CHART

    @property
    def name(self) -> str:
        """The file's name, for people."""
        return self.values.name if self.values else "values.yaml"

    @property
    def makes_secrets(self) -> bool:
        """Whether the file says that two renders differ."""
        return self.values is None or RANDOM_MARK in self.values.read_text(encoding="utf-8").splitlines()

    @property
    def _files(self) -> list[str | Path]:
        return ["--values", self.values] if self.values else []


def cases(chart: Path = CHART) -> list[Case]:
    """Return the chart with its defaults and with every file of its ci folder."""
    return [Case(None, chart), *(Case(path, chart) for path in sorted(chart.glob("ci/*.yaml")))]


def lint(case: Case) -> None:
    """Run Helm's own check, warnings being errors; raises ToolError."""
    run(HELM, ["lint", "--strict", "--quiet", "--kube-version", KUBERNETES[-1], case.chart, *case._files])


def render(case: Case, *, kubernetes: str = KUBERNETES[-1]) -> str:
    """Return the chart's objects as YAML, hooks and tests among them; raises ToolError.

    The version is always said: which one Helm takes by itself differs from build to build.
    """
    offered = [word for api in _API_VERSIONS for word in ("--api-versions", api)]
    words = ["template", "doorward", case.chart, "--namespace", "doorward", *case._files]
    return run(HELM, [*words, "--kube-version", kubernetes, *offered])


def takes(case: Case, value: str) -> bool:
    """Whether the chart renders with one more value, `path=value`."""
    try:
        run(HELM, ["template", "doorward", case.chart, "--kube-version", KUBERNETES[-1], "--set", value])
    except ToolError:
        return False
    return True


def objects(text: str) -> list[dict[str, Any]]:
    """Return the objects of a YAML stream; empty documents are nobody's."""
    return [found for found in yaml.safe_load_all(text) if found]


def label(found: dict[str, Any]) -> str:
    """Return how an object is called in a report: Kind/name."""
    return f"{found.get('kind')}/{found.get('metadata', {}).get('name')}"
