"""Messages on the channel of revocations that are none."""

import json
import uuid
from typing import Any, Final

_ID: Final = str(uuid.UUID(int=7))
_SESSION: Final[dict[str, Any]] = {"type": "session", "id": _ID, "expires_in": 1}
_USER: Final[dict[str, Any]] = {"type": "user", "id": _ID, "token_version": 1, "expires_in": 1}


def _message(items: object) -> bytes:
    return json.dumps({"items": items}).encode()


def _without(item: dict[str, Any], name: str) -> dict[str, Any]:
    return {member: value for member, value in item.items() if member != name}


_NO_LISTS: Final[tuple[Any, ...]] = (None, 7, "text", [None], [[]], [{}])
_NO_IDS: Final[tuple[Any, ...]] = (None, 7, 7.5, [], "x")
_NO_LIFETIMES: Final[tuple[Any, ...]] = (None, "soon", {}, "nan", -1, -1e308)
_NO_VERSIONS: Final[tuple[Any, ...]] = (None, "many", "9" * 5_000, -1, 10**30)

INVALID_MESSAGES: Final[tuple[bytes, ...]] = (
    b"",
    b"\x00",
    b"\xff\xfe",
    b"hello",
    b"null",
    b"[]",
    b"7",
    b'"items"',
    b"{}",
    b"{" * 100_000,
    b"[" * 100_000,
    b"A" * 1_000_000,
    *(_message(items) for items in _NO_LISTS),
    *(_message([_without(item, name)]) for item in (_SESSION, _USER) for name in item),
    *(_message([_SESSION | {"type": kind}]) for kind in (None, "key", 7)),
    *(_message([_SESSION | {"id": one}]) for one in _NO_IDS),
    *(_message([_SESSION | {"expires_in": seconds}]) for seconds in _NO_LIFETIMES),
    *(_message([_USER | {"token_version": version}]) for version in _NO_VERSIONS),
    b'{"items":[{"type":"session","id":"%s","expires_in":1e999}]}' % _ID.encode(),
)
