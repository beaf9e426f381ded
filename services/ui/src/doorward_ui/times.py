"""Times as pages show them: in UTC, which they say, because the server does not know the visitor's zone."""

from datetime import UTC, datetime
from typing import Final

_FORMATS: Final = {"en": "%-d %b %Y, %H:%M UTC", "de": "%-d.%-m.%Y, %H:%M UTC"}


def format_time(time: datetime, language: str) -> str:
    """Return a time to read, such as `9 Nov 2026, 08:05 UTC`."""
    return time.astimezone(UTC).strftime(_FORMATS[language])


def iso_time(time: datetime) -> str:
    """Return the attribute `datetime` of a `<time>` element."""
    return time.astimezone(UTC).isoformat(timespec="seconds")
