"""Times in requests and files: RFC 3339."""

from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator
from pydantic_core import PydanticCustomError


def _reject_number(value: object) -> object:
    """Pydantic would take a number, and the text of one, for seconds since 1970."""
    if ":" in str(value):
        return value
    raise PydanticCustomError("datetime_parsing", "A date and a time with a zone are needed (RFC 3339)")


Time = Annotated[AwareDatetime, BeforeValidator(_reject_number)]
"""A time with a zone, as text: `2026-01-31T12:00:00Z`."""
