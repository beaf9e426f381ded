"""The request being served: its id and the client's address, readable wherever the work is done."""

import random
import re
import uuid
from collections.abc import Callable, MutableMapping
from contextvars import ContextVar
from typing import Any, Final

USER_ID_KEY: Final = "doorward.user_id"
"""Key of the caller's id in the ASGI scope, a UUID, once the caller is known (`note_caller`), for logs."""

SESSION_ID_KEY: Final = "doorward.session_id"
"""Key of the id of the caller's session, as USER_ID_KEY: the claim `sid`, or the browser's session."""

REJECTED_KEY: Final = "doorward.is_rejected"
"""Key in the ASGI scope of a request whose answer is to wait (`note_rejection`)."""

NO_REQUEST_ID: Final = "-"
NO_ADDRESS: Final = "0.0.0.0"  # noqa: S104 - "no address" (RFC 1122), nothing binds to it

_SCOPE_KEY: Final = "doorward.request_id"

_request_id: ContextVar[str] = ContextVar("request_id", default=NO_REQUEST_ID)
_scope: ContextVar[MutableMapping[str, Any] | None] = ContextVar("scope", default=None)
_read_address: ContextVar[Callable[[], str]] = ContextVar("read_address", default=lambda: NO_ADDRESS)

_ids: Final = random.Random()  # noqa: S311 - ids are for finding, not for keeping secret

# Other characters could forge a log line or a header, so such an id is replaced, not cleaned.
_WELL_FORMED: Final = re.compile(rb"[A-Za-z0-9._-]{1,128}")


def current_request_id() -> str:
    """Return the id of the request being served, or NO_REQUEST_ID outside one."""
    return _request_id.get()


def current_address() -> str:
    """Return the address of the client being served, or NO_ADDRESS outside a request."""
    return _read_address.get()()


def note_caller(user_id: uuid.UUID, session_id: uuid.UUID) -> None:
    """Name the caller in the request's log line where no access token does: pages, refreshes, logins."""
    scope = _scope.get()
    if scope is not None:
        scope[USER_ID_KEY] = user_id
        scope[SESSION_ID_KEY] = session_id


def note_rejection() -> None:
    """Let the answer of the request wait: repeating it at once would cost the client nothing."""
    scope = _scope.get()
    if scope is not None:
        scope[REJECTED_KEY] = True


def begin_request(
    received: bytes | None, read_address: Callable[[], str], scope: MutableMapping[str, Any] | None = None
) -> str:
    """Set the context of a request and return its id; `read_address` is called only when needed.

    `scope` is the ASGI scope that `note_caller` and `note_rejection` write to.
    """
    _scope.set(scope)
    _read_address.set(read_address)
    request_id = _accepted_id(received)
    _request_id.set(request_id)
    return request_id


def request_id_of(scope: MutableMapping[str, Any]) -> str:
    """Return the id of an ASGI request, also in an application without Doorward's middleware.

    There the id is X-Request-ID if that is well-formed, else a new one, and the same for the whole request.
    """
    current = current_request_id()
    if current != NO_REQUEST_ID:
        return current
    known: str | None = scope.get(_SCOPE_KEY)
    if known is None:
        received = next((value for name, value in scope["headers"] if name == b"x-request-id"), None)
        known = scope[_SCOPE_KEY] = _accepted_id(received)
    return known


def _accepted_id(received: bytes | None) -> str:
    if received is not None and _WELL_FORMED.fullmatch(received):
        return received.decode("ascii")
    return f"{_ids.getrandbits(128):032x}"
