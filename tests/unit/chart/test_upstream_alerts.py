"""When the alerts of upstreams fire, as promtool evaluates them."""

from pathlib import Path
from typing import Final

import pytest

from chart.firing import is_firing, series

UNAVAILABLE: Final = "DoorwardUpstreamUnavailable"
LOST: Final = "DoorwardUpstreamGrantsLost"
OVERDUE: Final = "DoorwardUpstreamRefreshesOverdue"
KEYS: Final = "DoorwardVaultKeysReloadFailed"


def is_up(pod: str = "auth-1") -> str:
    return series("doorward_upstream_up", pod, provider="theapi")


def refreshes(outcome: str, pod: str = "auth-1") -> str:
    return series("doorward_upstream_refreshes_total", pod, provider="theapi", outcome=outcome)


OUTAGE: Final = {
    is_up(): "1x20 0x60",
    is_up("auth-2"): "1x21 0x60",
    refreshes("unreachable"): "_x20 1+1x60",
    refreshes("refreshed"): "0+3x20 60x60",
}
"""From minute 10 on; the last pod notices it half a minute later."""


@pytest.mark.parametrize(("minute", "fires"), [(9, False), (14, False), (17, True), (40, True)])
def test_an_upstream_that_answers_nothing_for_five_minutes(
    tmp_path: Path, minute: int, *, fires: bool
) -> None:
    assert is_firing(tmp_path, UNAVAILABLE, OUTAGE, minute) is fires


def test_an_upstream_that_answers_one_pod_is_available(tmp_path: Path) -> None:
    given = {**OUTAGE, is_up("auth-2"): "1x21 0x20 1x40"}
    assert is_firing(tmp_path, UNAVAILABLE, given, 17)
    assert not is_firing(tmp_path, UNAVAILABLE, given, 24)


def test_an_upstream_that_is_asked_nothing_any_more_is_not_reported_for_ever(tmp_path: Path) -> None:
    given = {**OUTAGE, refreshes("unreachable"): "_x20 1+1x20 21x80", is_up(): "1x20 0x120"}
    given[is_up("auth-2")] = given[is_up()]
    assert is_firing(tmp_path, UNAVAILABLE, given, 30)
    assert not is_firing(tmp_path, UNAVAILABLE, given, 45)


@pytest.mark.parametrize("outcome", ["failed", "malformed", "misconfigured", "uncertain", "unreachable"])
def test_every_failure_of_an_upstream_counts(tmp_path: Path, outcome: str) -> None:
    given = {is_up(): "0x30", refreshes(outcome): "1+1x30"}
    assert is_firing(tmp_path, UNAVAILABLE, given, 12)


def test_a_user_who_must_log_in_again_is_no_failure_of_the_upstream(tmp_path: Path) -> None:
    given = {is_up(): "0x30", refreshes("invalid_grant"): "1+1x30"}
    assert not is_firing(tmp_path, UNAVAILABLE, given, 12)


@pytest.mark.parametrize(
    ("outcome", "values", "minute", "fires"),
    [
        # A counter begins with the first event of a process: there is no increase.
        ("lost", "_x20 1x160", 15, True),
        ("lost", "_x20 1x160", 75, False),
        ("unreadable", "_x20 1x160", 15, True),
        ("lost", "3x20 4x160", 15, True),
        ("lost", "3x160", 75, False),
        ("invalid_grant", "_x20 1+1x160", 15, False),
    ],
)
def test_lost_grants(tmp_path: Path, outcome: str, values: str, minute: int, *, fires: bool) -> None:
    assert is_firing(tmp_path, LOST, {refreshes(outcome): values}, minute) is fires


@pytest.mark.parametrize(("seconds", "fires"), [(301, True), (299, False)])
def test_refreshes_that_are_overdue(tmp_path: Path, seconds: int, *, fires: bool) -> None:
    oldest = series("doorward_upstream_oldest_due_seconds", provider="theapi")
    assert is_firing(tmp_path, OVERDUE, {oldest: f"{seconds}x30"}, 10) is fires


def test_keys_that_cannot_be_read_again(tmp_path: Path) -> None:
    failures = series("doorward_vault_keys_failures_total")
    assert is_firing(tmp_path, KEYS, {failures: "0x20 1x160"}, 15)
    assert not is_firing(tmp_path, KEYS, {failures: "0x20 1x160"}, 75)


def test_a_pod_without_a_key_that_another_pod_has(tmp_path: Path) -> None:
    assert is_firing(tmp_path, KEYS, {refreshes("unknown_key"): "1x10 2x20"}, 8)
