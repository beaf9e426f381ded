"""The part of an upstream's error for the log at debug level: its beginning, unless it repeats our request.

Frameworks in debug mode print the request's fields, passwords among them, into their error pages.
"""

import base64
import html
import json
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

EXCERPT_BYTES: Final = 200

_WINDOW: Final = 6
"""Characters of a value that are found anywhere: a page may show a part of it, or cut it off."""

_SECRET_SIGNS: Final = ("eyj", "bearer", "token", "secret", "passw", "cookie", "session")
"""Words next to secrets, also the upstream's own, and the beginning of every JWT; in lower case."""


def safe_excerpt(content: bytes, sent: Iterable[str]) -> str | None:
    """Return the first bytes as text; None if they may hold a part of `sent` or another secret."""
    region = content[: EXCERPT_BYTES + _WINDOW].decode("utf-8", "replace").lower()
    if any(sign in region for sign in _SECRET_SIGNS):
        return None
    windows = {region[start : start + _WINDOW] for start in range(len(region))}
    for value in sent:
        for spelling in _spellings(value):
            lowered = spelling.lower()
            if len(lowered) < _WINDOW:
                if lowered in region:
                    return None
            elif any(
                lowered[start : start + _WINDOW] in windows for start in range(len(lowered) - _WINDOW + 1)
            ):
                return None
    return content[:EXCERPT_BYTES].decode("utf-8", "replace")


def _spellings(value: str) -> Iterator[str]:
    """Yield how pages and logs may write a value."""
    if not value:
        return
    yield value
    yield value[::-1]
    yield quote(value, safe="")
    yield quote_plus(value)
    yield html.escape(value)
    yield json.dumps(value)[1:-1]
    yield repr(value)[1:-1]
    yield base64.b64encode(value.encode("utf-8")).decode("ascii").rstrip("=")
