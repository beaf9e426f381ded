"""The language that a client prefers."""

import re
from typing import Annotated, Final

from fastapi import Depends, Request

LOCALE_LENGTH: Final = 35  # RFC 5646 section 4.4.1

_TAG: Final = re.compile(r"[A-Za-z]{1,8}(?:[-_][A-Za-z0-9]{1,8})*")


def preferred_language(accept_language: str) -> str:
    """Return the first language of an Accept-Language header (RFC 9110 section 12.5.4), or an empty text.

    Weights are ignored, because browsers send the preferred language first.
    """
    tag = accept_language.partition(",")[0].partition(";")[0].strip()
    return tag if len(tag) <= LOCALE_LENGTH and _TAG.fullmatch(tag) else ""


async def _locale(request: Request) -> str:
    return preferred_language(request.headers.get("accept-language", ""))


Locale = Annotated[str, Depends(_locale)]
"""The language of the request, empty for none."""
