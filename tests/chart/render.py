"""Renders the chart with Helm."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from chart.tools import HELM, ROOT, ToolError, run

CHART: Final = ROOT / "charts" / "doorward"
# Minor versions of two years, three a year; the newest last.
KUBERNETES: Final = ("1.32", "1.33", "1.34", "1.35", "1.36", "1.37")
# Marks a values file with which the chart generates secrets: two renders differ.
GENERATED_MARK: Final = "# chart-check: the chart generates the secrets"
# Custom resources that the chart supports.
_API_VERSIONS: Final = ("monitoring.coreos.com/v1", "gateway.networking.k8s.io/v1")


@dataclass(frozen=True)
class Case:
    """The chart with the values of one file."""

    values: Path
    chart: Path = CHART

    @property
    def name(self) -> str:
        """Name of the file, for reports."""
        return self.values.name

    @property
    def generates_secrets(self) -> bool:
        """Whether two renders differ."""
        return GENERATED_MARK in self.values.read_text(encoding="utf-8").splitlines()


DEFAULTS: Final = Case(CHART / "ci" / "generated-values.yaml")


def cases(chart: Path = CHART) -> list[Case]:
    """Return the chart with every file of its ci folder."""
    return [Case(path, chart) for path in sorted(chart.glob("ci/*.yaml"))]


def lint(case: Case) -> None:
    """Run `helm lint`, with warnings as errors; raises ToolError."""
    words: list[str | Path] = ["lint", "--strict", "--quiet", "--kube-version", KUBERNETES[-1]]
    run(HELM, [*words, case.chart, "--values", case.values])


def render(case: Case, *more: str | Path, kubernetes: str = KUBERNETES[-1]) -> str:
    """Return the objects as YAML, including `helm test`; raises ToolError.

    The Kubernetes version is explicit, because Helm's default depends on how Helm was built.
    """
    offered = [word for api in _API_VERSIONS for word in ("--api-versions", api)]
    words: list[str | Path] = ["template", "doorward", case.chart, "--namespace", "doorward", "--values"]
    return run(HELM, [*words, case.values, "--kube-version", kubernetes, *offered, *more])


def accepts(case: Case, value: str) -> bool:
    """Whether the chart renders with an additional value, `path=value`."""
    try:
        render(case, "--set", value)
    except ToolError:
        return False
    return True


def objects(text: str) -> list[dict[str, Any]]:
    """Return the objects of a YAML stream, without empty documents."""
    return [found for found in yaml.safe_load_all(text) if found]


def label(found: dict[str, Any]) -> str:
    """Return the name of an object in reports: Kind/name."""
    return f"{found.get('kind')}/{found.get('metadata', {}).get('name')}"
