"""When the alerts of upstreams fire, as promtool evaluates them."""

from pathlib import Path
from typing import Final

import pytest

from chart.firing import is_firing, series

UNAVAILABLE: Final = "DoorwardUpstreamUnavailable"
LOGINS: Final = "DoorwardUpstreamLoginsFailing"
LOST: Final = "DoorwardUpstreamGrantsLost"
OVERDUE: Final = "DoorwardUpstreamRefreshesOverdue"
GIVEN_UP: Final = "DoorwardUpstreamRevocationsGivenUp"
KEYS: Final = "DoorwardVaultKeysReloadFailed"


def is_up(pod: str = "auth-1") -> str:
    return series("doorward_upstream_up", pod, provider="theapi")


def refreshes(outcome: str, pod: str = "auth-1") -> str:
    return series("doorward_upstream_refreshes_total", pod, provider="theapi", outcome=outcome)


def requests(outcome: str, request: str = "login", pod: str = "auth-1") -> str:
    labels = {"provider": "theapi", "request": request, "outcome": outcome}
    return series("doorward_upstream_requests_total", pod, **labels)


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


@pytest.mark.parametrize(("minute", "fires"), [(16, False), (24, False), (28, True)])
def test_logins_that_all_fail(tmp_path: Path, minute: int, *, fires: bool) -> None:
    """From minute 15 on, without any refresh, as at an upstream that issues no refresh tokens."""
    given = {
        requests("failed"): "0x30 1+1x30",
        requests("succeeded"): "0+1x30 30x30",
        requests("succeeded", "begin"): "0+1x60",
    }
    assert is_firing(tmp_path, LOGINS, given, minute) is fires


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        ("malformed", "login"),
        ("unverified", "login"),
        ("uncertain", "login"),
        ("unreachable", "login"),
        ("failed", "begin"),
        ("failed", "register"),
    ],
)
def test_every_failure_of_a_login_counts(tmp_path: Path, outcome: str, kind: str) -> None:
    assert is_firing(tmp_path, LOGINS, {requests(outcome, kind): "0+1x40"}, 15)


def test_the_second_login_that_rejects_our_client(tmp_path: Path) -> None:
    """One may be that of a locked user."""
    given = {requests("misconfigured"): "0x20 2x60", requests("succeeded", "begin"): "0+1x80"}
    assert is_firing(tmp_path, LOGINS, given, 14)
    assert not is_firing(tmp_path, LOGINS, given, 25)


@pytest.mark.parametrize(
    ("outcome", "values"),
    [
        ("failed", "0x20 2x60"),
        ("misconfigured", "0x20 1x60"),
        ("rejected", "0+1x80"),
        ("throttled", "0+1x80"),
        ("not_asked", "0+1x80"),
    ],
)
def test_what_is_no_failure_of_all_logins(tmp_path: Path, outcome: str, values: str) -> None:
    """Two users whose requests fail, wrong passwords, too many logins."""
    assert not is_firing(tmp_path, LOGINS, {requests(outcome): values}, 14)


def test_an_upstream_that_rejects_passwords_works(tmp_path: Path) -> None:
    given = {requests("failed"): "0+1x80", requests("rejected"): "0+1x80"}
    assert not is_firing(tmp_path, LOGINS, given, 20)


@pytest.mark.parametrize("outcome", ["malformed", "unverified"])
def test_wrong_passwords_do_not_hide_that_no_right_one_works(tmp_path: Path, outcome: str) -> None:
    given = {requests(outcome): "0+1x80", requests("rejected"): "0+1x80"}
    assert is_firing(tmp_path, LOGINS, given, 20)


@pytest.mark.parametrize("outcome", ["failed", "misconfigured"])
def test_what_browsers_bring_is_no_alert(tmp_path: Path, outcome: str) -> None:
    """Anyone could raise it."""
    assert not is_firing(tmp_path, LOGINS, {requests(outcome, "callback"): "0+1x80"}, 20)


def test_revocations_are_no_logins(tmp_path: Path) -> None:
    given = {requests("failed", "revoke"): "0+1x80"}
    assert not is_firing(tmp_path, LOGINS, given, 20)
    both = {requests("failed"): "0+1x80", requests("succeeded", "revoke"): "0+1x80"}
    assert is_firing(tmp_path, LOGINS, both, 20)


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


@pytest.mark.parametrize(
    ("outcome", "values", "minute", "fires"),
    [
        ("given_up", "0x20 1x160", 15, True),
        ("given_up", "0x20 1x160", 75, False),
        # Of an upstream that was removed: the counter begins with the first event.
        ("given_up", "_x20 1x160", 15, True),
        ("given_up", "0x180", 15, False),
        ("delivered", "0+1x160", 15, False),
        ("superseded", "0+1x160", 15, False),
    ],
)
def test_tokens_that_stay_valid(
    tmp_path: Path, outcome: str, values: str, minute: int, *, fires: bool
) -> None:
    ended = series("doorward_upstream_revocations_total", provider="theapi", outcome=outcome)
    assert is_firing(tmp_path, GIVEN_UP, {ended: values}, minute) is fires


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
