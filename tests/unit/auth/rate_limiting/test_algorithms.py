"""The number of guesses that limits permit, with and without pauses."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from doorward_auth.rate_limiting.limits import (
    EMAIL_CHANGE_MAILS,
    LOGIN_BY_DEVICE,
    LOGIN_BY_SOURCE,
    LOGIN_UNKNOWN_DEVICES,
    PIN_GUESSES,
    REGISTRATION_MAILS,
    RESET_MAILS,
)
from doorward_kit.rate_limiting.limits import NO_WAIT, ExponentialBackoff, FixedWindow, Limit, Record

START = datetime(2030, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)

BACKOFFS = [LOGIN_UNKNOWN_DEVICES, LOGIN_BY_DEVICE]
BUDGETS = [LOGIN_BY_SOURCE, PIN_GUESSES, REGISTRATION_MAILS, RESET_MAILS, EMAIL_CHANGE_MAILS]


def guesses(limit: Limit, length: timedelta, pause: Callable[[Record], timedelta]) -> int:
    """Count the guesses of an attacker who waits as required, and then pauses."""
    now, record, count = START, None, 0
    while now < START + length:
        record = limit.after(record, now)
        count += 1
        now = max(now, record.blocked_until) + pause(record)
    return count


def never(_record: Record) -> timedelta:
    return timedelta()


@pytest.mark.parametrize("limit", BACKOFFS)
def test_further_failures_double_the_wait(limit: ExponentialBackoff) -> None:
    record, waits = None, []
    for _ in range(limit.free + 13):
        record = limit.after(record, START)
        waits.append(max(0, int((record.blocked_until - START).total_seconds())))
    doubling = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
    assert waits == [0] * limit.free + doubling


def test_any_number_of_failures_is_supported() -> None:
    soon = START + timedelta(seconds=1)
    record = LOGIN_UNKNOWN_DEVICES.after(Record(2_000_000_000, soon, START), START)
    assert record.blocked_until == START + timedelta(seconds=900)


@pytest.mark.parametrize("limit", BACKOFFS)
def test_guessing_slows_down_to_four_an_hour(limit: ExponentialBackoff) -> None:
    assert guesses(limit, DAY, never) == pytest.approx(96 + limit.free + 10, abs=2)


@pytest.mark.parametrize("limit", BACKOFFS)
def test_pausing_does_not_allow_more_guesses(limit: ExponentialBackoff) -> None:
    """Pausing until the failures expire permits no more guesses than never stopping."""
    length = 30 * DAY
    patient = guesses(limit, length, never)
    for stop_after in range(1, limit.free + 20):

        def pause(record: Record, stop_after: int = stop_after) -> timedelta:
            stops = record.count >= stop_after
            return timedelta(seconds=limit.memory) if stops else timedelta()

        assert guesses(limit, length, pause) <= patient, stop_after


@pytest.mark.parametrize("limit", BACKOFFS)
def test_occasional_failures_cause_waits_of_seconds(limit: ExponentialBackoff) -> None:
    """A user who mistypes a password once a day is never slowed down."""
    now, record = START, None
    for _ in range(100):
        record = limit.after(record, now)
        assert record.blocked_until == NO_WAIT
        now += DAY


@pytest.mark.parametrize("limit", BUDGETS)
def test_a_window_grants_its_number_of_attempts(limit: FixedWindow) -> None:
    assert guesses(limit, timedelta(seconds=limit.memory), never) == limit.free
    assert guesses(limit, 10 * timedelta(seconds=limit.memory), never) == 10 * limit.free


@pytest.mark.parametrize("limit", BUDGETS)
def test_a_window_begins_with_the_first_attempt_and_is_not_prolonged(limit: FixedWindow) -> None:
    end = START + timedelta(seconds=limit.memory)
    record = None
    for number in range(limit.free):
        record = limit.after(record, START + timedelta(seconds=number))
        assert record.expires_at == end
    assert record is not None
    assert record.blocked_until == end


def test_a_client_with_a_stale_password_does_not_block_its_ip() -> None:
    """The client fails four times an hour, the maximum for its account, without blocking its IP address."""
    now, record = START, None
    for _ in range(1000):
        record = LOGIN_BY_SOURCE.after(record, now)
        assert record.blocked_until == NO_WAIT
        now += timedelta(minutes=15)


def test_guessing_at_codes_is_hopeless() -> None:
    """A PIN has a million values, and one in 20,000 accounts would be opened in a year."""
    assert guesses(PIN_GUESSES, 365 * DAY, never) <= 1_000_000 / 20_000
