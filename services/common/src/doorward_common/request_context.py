"""The id of the request in hand, for every log line and every error."""

import random
import re
from contextvars import ContextVar
from typing import Final

_request_id: ContextVar[str] = ContextVar("request_id", default="-")

_ids: Final = random.Random()  # noqa: S311 - ids are for finding, not for keeping secret

# Anything else could forge a log line or a header of ours, so it is replaced, not cleaned.
_WELL_FORMED: Final = re.compile(rb"[A-Za-z0-9._-]{1,128}")


def current_request_id() -> str:
    """Return the id of the request being served, or "-" outside one."""
    return _request_id.get()


def begin_request(received: bytes | None) -> str:
    """Take over the edge's request id where it is well-formed, else make one."""
    if received is not None and _WELL_FORMED.fullmatch(received):
        request_id = received.decode("ascii")
    else:
        request_id = f"{_ids.getrandbits(128):032x}"
    _request_id.set(request_id)
    return request_id
