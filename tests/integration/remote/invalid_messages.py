"""What somebody may put on the exchange's channel that is no news of a revocation."""

import uuid
from typing import Any, Final

import orjson

_SOMEBODY: Final = str(uuid.UUID(int=7))
_GOOD: Final[dict[str, Any]] = {"sessions": [], "users": [], "cursor": None}


def _written(**changes: Any) -> bytes:
    return orjson.dumps({**_GOOD, **changes})


INVALID_MESSAGES: Final[tuple[bytes, ...]] = (
    b"",
    b"\x00",
    b"\xff\xfe",
    b"hello",
    b"null",
    b"[]",
    b"7",
    b'"sessions"',
    b"{}",
    b"{" * 100_000,
    b"[" * 100_000,
    b"A" * 1_000_000,
    _written(sessions=None),
    _written(sessions=7),
    _written(sessions="text"),
    _written(sessions=[None]),
    _written(sessions=[[]]),
    _written(sessions=[{}]),
    _written(sessions=[{"id": None, "expires_in": 1}]),
    _written(sessions=[{"id": 7, "expires_in": 1}]),
    _written(sessions=[{"id": [], "expires_in": 1}]),
    _written(sessions=[{"id": "x", "expires_in": 1}]),
    _written(sessions=[{"id": _SOMEBODY}]),
    _written(sessions=[{"id": _SOMEBODY, "expires_in": None}]),
    _written(sessions=[{"id": _SOMEBODY, "expires_in": "soon"}]),
    _written(sessions=[{"id": _SOMEBODY, "expires_in": {}}]),
    _written(sessions=[{"id": _SOMEBODY, "expires_in": "nan"}]),
    _written(users=[{"id": _SOMEBODY, "expires_in": 1}]),
    _written(users=[{"id": _SOMEBODY, "expires_in": 1, "epoch": None}]),
    _written(users=[{"id": _SOMEBODY, "expires_in": 1, "epoch": "many"}]),
    _written(users=[{"id": _SOMEBODY, "expires_in": 1, "epoch": "9" * 5_000}]),
    _written(users=[{"id": 7.5, "expires_in": 1, "epoch": 1}]),
    b'{"sessions":[{"id":"%s","expires_in":1e999}],"users":[],"cursor":null}' % _SOMEBODY.encode(),
    b'{"sessions":[{"id":"%s","expires_in":-1e308}],"users":[],"cursor":null}' % _SOMEBODY.encode(),
    orjson.dumps({"sessions": [], "users": []}),
)
