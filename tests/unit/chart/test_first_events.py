"""The first event of a process counts in every alert about an increase.

A counter with labels appears with its first event, and Prometheus sees no increase then. So its series begin
at 0 where they are known, and elsewhere the expression compares with before.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from chart.alerts import alerts
from chart.firing import is_firing, series
from unit.chart.test_metrics import registries

_INCREASE: Final = re.compile(r"(?:increase|rate)\((\w+)\{([^}]*)\}\[\w+\]\)")
_MATCHER: Final = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')

SUSTAINED: Final = {
    # Shares of many requests, and an attack of minutes: one event more or less changes neither.
    "DoorwardHighErrorRate",
    "DoorwardBruteForceAttack",
}


@dataclass(frozen=True)
class Increase:
    """The counter of an alert, and the values of labels that it selects."""

    alert: str
    metric: str
    selected: tuple[tuple[str, str], ...]
    expression: str

    @property
    def compares_with_before(self) -> bool:
        return re.search(rf"unless {self.metric}\{{[^}}]*\}} offset", self.expression) is not None


def increases() -> list[Increase]:
    found = []
    for rule in alerts():
        for metric, selector in _INCREASE.findall(rule["expr"]):
            matchers = [match for match in _MATCHER.findall(selector) if match[0] != "namespace"]
            selected = tuple((label, value) for label, operator, value in matchers if operator in {"=", "=~"})
            found.append(Increase(rule["alert"], metric, selected, rule["expr"]))
    return [expression for expression in found if expression.alert not in SUSTAINED]


@cache
def at_start() -> list[tuple[str, dict[str, str]]]:
    """Return the series of processes that have just started."""
    return [
        (sample.name, sample.labels)
        for registry in registries()
        for family in registry.collect()
        for sample in family.samples
    ]


def begins_at_zero(one: Increase) -> bool:
    """Tell whether every value that the alert selects has a series; a pattern like `a|b` selects both."""
    of_metric = [labels for name, labels in at_start() if name == one.metric]
    return bool(of_metric) and all(
        any(re.fullmatch(value, labels[label]) for labels in of_metric)
        for label, pattern in one.selected
        for value in pattern.split("|")
    )


def test_increases_are_found() -> None:
    assert len(increases()) >= 8
    assert {one["alert"] for one in alerts()} >= SUSTAINED


@pytest.mark.parametrize("one", increases(), ids=lambda one: f"{one.alert}-{one.metric}")
def test_a_counter_of_an_alert_is_there_before_its_first_event(one: Increase) -> None:
    assert one.compares_with_before or begins_at_zero(one)


@pytest.mark.parametrize(
    ("values", "minute", "fires"),
    [
        ("_x20 1x60", 13, True),
        ("_x20 1x60", 20, False),
        ("1x20 2x60", 13, True),
        ("1x80", 20, False),
        ("0x80", 20, False),
    ],
)
def test_the_first_database_error_of_a_code(tmp_path: Path, values: str, minute: int, *, fires: bool) -> None:
    errors = series("doorward_database_errors_total", service="auth", code="2013", outcome="failed")
    assert is_firing(tmp_path, "DoorwardDatabaseErrors", {errors: values}, minute) is fires


def test_a_database_error_that_a_retry_repaired(tmp_path: Path) -> None:
    errors = series("doorward_database_errors_total", service="auth", code="1213", outcome="retried")
    assert not is_firing(tmp_path, "DoorwardDatabaseErrors", {errors: "_x20 1x60"}, 13)
