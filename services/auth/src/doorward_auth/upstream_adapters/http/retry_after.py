"""The header Retry-After (RFC 9110 section 10.2.3), in seconds or as a date."""

import datetime as dt
import re
from email.utils import parsedate_to_datetime
from typing import Final

MAX_SECONDS: Final = 86_400

_SECONDS: Final = re.compile(r"[0-9]{1,12}")


def parse_retry_after(value: str | None, date: str | None) -> int | None:
    """Return the seconds to wait, at most MAX_SECONDS; None for no value or an unusable one.

    `date` is the answer's header Date: by it a wrong clock, ours or the upstream's, does not count.
    """
    if value is None:
        return None
    if _SECONDS.fullmatch(value.strip()):
        return min(int(value), MAX_SECONDS)
    until = _parse_date(value)
    if until is None:
        return None
    since = _parse_date(date or "") or dt.datetime.now(dt.UTC)
    return max(0, min(int((until - since).total_seconds()), MAX_SECONDS))


def _parse_date(text: str) -> dt.datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=dt.UTC)
