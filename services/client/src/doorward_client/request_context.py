"""What is known of the request in hand wherever its work is done: its id, and where it came from."""

import random
import re
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

_request_id: ContextVar[str] = ContextVar("request_id", default="-")

_read_address: ContextVar[Callable[[], str]] = ContextVar("read_address", default=lambda: NO_ADDRESS)

USER_ID_KEY: Final = "doorward.user_id"
"""Key of the caller's id in the ASGI scope, set once the access token is verified: for the log."""

NO_ADDRESS: Final = "0.0.0.0"  # noqa: S104 - "no address" (RFC 1122), nothing binds to it

_ids: Final = random.Random()  # noqa: S311 - ids are for finding, not for keeping secret

# Anything else could forge a log line or a header of ours, so it is replaced, not cleaned.
_WELL_FORMED: Final = re.compile(rb"[A-Za-z0-9._-]{1,128}")


def current_request_id() -> str:
    """Return the id of the request being served, or "-" outside one."""
    return _request_id.get()


def current_address() -> str:
    """Return the address of the client being served, or NO_ADDRESS outside a request."""
    return _read_address.get()()


def begin_request(received: bytes | None, read_address: Callable[[], str]) -> str:
    """Take over the edge's request id where it is well-formed, else make one.

    `read_address` is only called by the few who ask for the client's address.
    """
    _read_address.set(read_address)
    if received is not None and _WELL_FORMED.fullmatch(received):
        request_id = received.decode("ascii")
    else:
        request_id = f"{_ids.getrandbits(128):032x}"
    _request_id.set(request_id)
    return request_id
