"""Retry-After as seconds and as a date, and what is neither."""

import datetime as dt
from email.utils import format_datetime

import pytest

from doorward_auth.upstream_adapters.http.retry_after import MAX_SECONDS, parse_retry_after

NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
LATER = format_datetime(NOON + dt.timedelta(seconds=90), usegmt=True)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0),
        ("7", 7),
        (" 7 ", 7),
        ("99999999999", MAX_SECONDS),
        ("9" * 5000, None),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
        ("soon", None),
        ("Wed, 99 Foo 2026 99:99:99 GMT", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Thu, 01 Jan 9999 00:00:00 GMT", MAX_SECONDS),
    ],
)
def test_a_value_is_read_within_its_limits(value: str | None, seconds: int | None) -> None:
    assert parse_retry_after(value, None) == seconds


def test_a_date_is_compared_with_the_clock_of_the_answer() -> None:
    assert parse_retry_after(LATER, format_datetime(NOON, usegmt=True)) == 90


def test_a_date_without_an_answer_date_is_compared_with_our_clock() -> None:
    soon = format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=100), usegmt=True)
    assert 0 < (parse_retry_after(soon, "nonsense") or 0) <= 100
