"""Whether an alert of the chart fires, as promtool evaluates it."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml

from chart.alerts import NAMESPACE, alerts
from support.requirements import Program, need

_PROMTOOL: Final = Program("promtool", "prometheus")

Series = Mapping[str, str]
"""Names and values, one each 30 s as the chart scrapes, in promtool's notation: `1x20` is a value and 20
repetitions, `0+1x20` a value and 20 increments, `_x20` none."""


def series(name: str, pod: str = "auth-1", **labels: str) -> str:
    given = {"namespace": NAMESPACE, "pod": pod, **labels}
    labels_text = ", ".join(f'{key}="{value}"' for key, value in given.items())
    return f"{name}{{{labels_text}}}"


def is_firing(folder: Path, alert: str, given: Series, minute: int) -> bool:
    """Return whether an alert fires at a minute of these series."""
    answers = {count: _promtool(folder, alert, given, minute, count) for count in (0, 1)}
    fitting = [count for count, done in answers.items() if done.returncode == 0]
    assert len(fitting) == 1, answers
    return fitting == [1]


def _promtool(
    folder: Path, alert: str, given: Series, minute: int, count: int
) -> subprocess.CompletedProcess[str]:
    promtool = need(_PROMTOOL)
    groups = {"groups": [{"name": "doorward", "rules": alerts()}]}
    (folder / "rules.yaml").write_text(yaml.safe_dump(groups), encoding="utf-8")
    firing = f'count(ALERTS{{alertname="{alert}", alertstate="firing"}}) or vector(0)'
    case = {
        "interval": "30s",
        "input_series": [{"series": name, "values": values} for name, values in given.items()],
        "promql_expr_test": [
            {"expr": firing, "eval_time": f"{minute}m", "exp_samples": [{"labels": "{}", "value": count}]}
        ],
    }
    test = {"rule_files": ["rules.yaml"], "evaluation_interval": "30s", "tests": [case]}
    (folder / "test.yaml").write_text(yaml.safe_dump(test), encoding="utf-8")
    return subprocess.run(
        [promtool, "test", "rules", folder / "test.yaml"], capture_output=True, text=True, check=False
    )
