"""When a grant is refreshed, when it is over, and how long a failure makes it wait."""

from datetime import timedelta
from typing import Final

import pytest

from doorward_auth.upstream.grants.models import GrantState
from doorward_auth.upstream.grants.schedule import (
    DEFAULT_LIFETIME,
    RefreshPolicy,
    backoff_seconds,
    idle_until,
    is_fresh,
    plan,
)
from doorward_auth.upstream_adapters.base import UpstreamTokens
from unit.auth.upstream.rows import NOW, row, seconds

DAY: Final = 86_400
POLICY: Final = RefreshPolicy()


def tokens(expires_in: int | None = 3_600, **others: int | str | None) -> UpstreamTokens:
    values: dict[str, int | str | None] = {"refresh_token": "refresh", **others}
    return UpstreamTokens("access", expires_in=expires_in, **values)  # type: ignore[arg-type]  # as they are named


@pytest.mark.parametrize(
    ("expires_in", "earliest", "latest"),
    [
        (3_600, 3_600 - 720 - 300, 3_600 - 720),  # a fifth of the lifetime
        (240, 240 - 60 - 24, 240 - 60),  # but a minute at least
        (30, 30 - 15 - 3, 30 - 15),  # of a token that lives longer than that
        (20, 8, 10),
        (1, 8, 10),  # not twice a second for ever
        (DAY, DAY * 0.8 - 300, DAY * 0.8),
    ],
)
def test_a_grant_is_due_before_its_token_expires_and_not_all_at_once(
    expires_in: int, earliest: float, latest: float
) -> None:
    due = [plan(NOW, tokens(expires_in), POLICY).due_at for _ in range(200)]
    times = [(moment - NOW).total_seconds() for moment in due if moment is not None]
    assert len(times) == 200
    assert all(earliest <= moment <= latest for moment in times), (min(times), max(times))
    assert max(times) - min(times) > (latest - earliest) / 2


@pytest.mark.parametrize("expires_in", [None, 0, -1, -(10**9)])
def test_a_lifetime_that_says_nothing_is_five_minutes(expires_in: int | None) -> None:
    times = plan(NOW, tokens(expires_in), POLICY)
    assert times.access_expires_at == NOW + DEFAULT_LIFETIME


@pytest.mark.parametrize("expires_in", [10**10, 10**100])
def test_an_absurd_lifetime_is_ten_years(expires_in: int) -> None:
    times = plan(NOW, tokens(expires_in, refresh_expires_in=expires_in), POLICY)
    assert times.access_expires_at == NOW + timedelta(days=3_660)
    assert times.refresh_expires_at == NOW + timedelta(days=3_660)


def test_a_token_without_a_refresh_token_is_valid_until_it_expires() -> None:
    times = plan(NOW, tokens(3_600, refresh_token=None), POLICY)
    expiry = NOW + seconds(3_600)
    assert (times.access_expires_at, times.reauth_at, times.due_at) == (expiry, expiry, expiry)


def test_a_token_without_a_refresh_token_and_without_a_lifetime_is_valid_for_ever() -> None:
    times = plan(NOW, tokens(None, refresh_token=None), POLICY)
    assert (times.access_expires_at, times.reauth_at, times.due_at) == (None, None, None)
    assert is_fresh(row(access_expires_at=None), 10**9)


def test_an_answer_without_a_refresh_token_keeps_the_old_one_and_its_expiry() -> None:
    before = row(refresh_expires_at=NOW + seconds(10 * DAY))
    times = plan(NOW, tokens(refresh_token=None), POLICY, previous=before)
    assert times.refresh_expires_at == NOW + seconds(10 * DAY)
    assert times.due_at is not None
    assert times.due_at < NOW + seconds(3_600)
    unknown = plan(NOW, tokens(refresh_token="next"), POLICY, previous=before)
    assert unknown.refresh_expires_at is None, "that of another token is not this one's"


@pytest.mark.parametrize(
    ("lifetime", "notice"),
    [(90 * DAY, DAY), (11 * DAY, DAY), (10 * DAY, DAY), (DAY, DAY / 10), (8 * 3_600, 2_880), (1_800, 180)],
)
def test_the_user_is_warned_a_day_before_or_a_tenth_of_the_lifetime(lifetime: int, notice: float) -> None:
    times = plan(NOW, tokens(refresh_expires_in=lifetime), POLICY)
    assert times.refresh_expires_at == NOW + seconds(lifetime)
    assert times.reauth_at == NOW + seconds(lifetime - notice)


def test_a_fixed_end_stays_where_it_is() -> None:
    """The upstream counts down: each answer names less."""
    before = row(created_at=NOW - seconds(80 * DAY), refresh_expires_at=NOW + seconds(10 * DAY))
    times = plan(NOW, tokens(refresh_expires_in=10 * DAY), POLICY, previous=before)
    assert times.reauth_at == NOW + seconds(9 * DAY)
    last = row(created_at=NOW - seconds(89.5 * DAY), refresh_expires_at=NOW + seconds(0.5 * DAY))
    times = plan(NOW, tokens(refresh_expires_in=DAY // 2), POLICY, previous=last)
    assert times.reauth_at == NOW - seconds(0.5 * DAY)
    assert times.due_at == times.reauth_at


def test_an_end_that_moves_on_with_each_refresh_is_not_warned_of() -> None:
    """A session of half an hour that each refresh extends, as Keycloak's."""
    before = row(created_at=NOW - seconds(30 * DAY), refresh_expires_at=NOW + seconds(1_500))
    times = plan(NOW, tokens(300, refresh_expires_in=1_800), POLICY, previous=before)
    assert times.reauth_at == times.refresh_expires_at == NOW + seconds(1_800)


def test_a_provider_that_expires_unused_refresh_tokens_is_asked_in_time() -> None:
    policy = RefreshPolicy(keep_alive_seconds=3_600)
    for _ in range(100):
        due_at = plan(NOW, tokens(10 * DAY), policy).due_at
        assert due_at is not None
        assert 3_240 <= (due_at - NOW).total_seconds() <= 3_600


@pytest.mark.parametrize(
    ("left", "min_validity", "expected"),
    [(61, 60, True), (60, 60, False), (1, 0, True), (0, 0, False), (-5, 0, False), (3_601, 10**6, True)],
)
def test_a_token_is_fresh_if_it_is_valid_for_long_enough(
    left: float, min_validity: float, *, expected: bool
) -> None:
    """A caller who wants more than half of the lifetime would get a new token each time."""
    grant = row(access_expires_at=NOW + seconds(left), last_refreshed_at=NOW - seconds(3_600))
    assert is_fresh(grant, min_validity) is expected


def test_the_pause_after_failures_doubles_up_to_a_quarter_of_an_hour() -> None:
    for attempts, longest in ((1, 5), (2, 10), (3, 20), (8, 640), (9, 900), (10**6, 900)):
        waits = [backoff_seconds(attempts) for _ in range(100)]
        assert all(longest / 2 <= wait <= longest for wait in waits)
        assert len(set(waits)) > 90, "every grant would come back at the same moment"


def test_grants_of_a_session_that_nobody_uses_wait_for_its_end() -> None:
    used = row(session_last_used_at=NOW - seconds(7 * DAY - 1))
    assert idle_until(used, POLICY) is None
    unused = row(session_last_used_at=NOW - seconds(7 * DAY))
    assert idle_until(unused, POLICY) == unused.session_idle_expires_at
    assert idle_until(row(session_id=None, session_last_used_at=None), POLICY) is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"user_status": "disabled"}, False),
        ({"session_ended_at": NOW}, False),
        ({"session_idle_expires_at": NOW}, False),
        ({"session_absolute_expires_at": NOW}, False),
        (
            {"session_id": None, "session_idle_expires_at": None, "session_absolute_expires_at": None},
            True,
        ),
    ],
)
def test_a_grant_is_wanted_by_an_active_user_with_a_live_session(
    changes: dict[str, object], *, expected: bool
) -> None:
    assert row(**changes).is_wanted is expected


def test_what_a_row_says_of_an_attempt() -> None:
    assert row(sent_at=NOW).is_uncertain
    assert row(state=GrantState.UNCERTAIN.value).is_uncertain
    assert not row().is_uncertain
    assert row(leased_until=NOW + seconds(1)).is_leased
    assert not row(leased_until=NOW).is_leased
    assert row(attempts=1, due_at=NOW + seconds(9)).seconds_to_retry == 9
    assert row(attempts=1, due_at=NOW - seconds(9)).seconds_to_retry == 0
    assert row(attempts=0, due_at=NOW + seconds(9)).seconds_to_retry == 0, "due later, and allowed now"
