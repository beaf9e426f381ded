"""Unusable contents of a key set file."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from doorward_client import base64url
from doorward_client.keys.key_set import ES256, HS256
from doorward_kit.key_rotation import new_jwk

Damage = Callable[[bytes], bytes | None]
"""From the valid content to the damaged one; None means that the file is missing."""

_FUTURE: Final = 4_000_000_000


def _document(*keys: Mapping[str, Any]) -> Damage:
    return lambda _good: json.dumps({"keys": keys}).encode("utf-8")


def _with(algorithm: str, **changes: Any) -> Damage:
    return _document({**new_jwk(algorithm), **changes})


def _elliptic(*left_out: str) -> Damage:
    return _document({name: value for name, value in new_jwk(ES256).items() if name not in left_out})


_ONE: Final = new_jwk(HS256)

DAMAGED_KEY_SETS: Final[Mapping[str, Damage]] = {
    "absent": lambda _good: None,
    "empty": lambda _good: b"",
    "half written": lambda good: good[: len(good) // 2],
    "not UTF-8": lambda good: good[:-1] + b"\xff}",
    "UTF-16": lambda good: good.decode().encode("utf-16"),
    "of another kind": lambda _good: b'["keys"]',
    "nested for ever": lambda _good: b"[" * 100_000,
    "an enormous number": lambda good: good[:-1] + b',"n":1e999999}',
    "no key": _document(),
    "too many keys": _document(*(new_jwk(HS256) for _ in range(17))),
    "a kid twice": _document(_ONE, {**new_jwk(HS256), "kid": _ONE["kid"]}),
    "a kid that is no text": _with(HS256, kid=7),
    "a kid with a line break": _with(HS256, kid="a\nb"),
    "a weak secret": _with(HS256, k=base64url.encode(b"secret")),
    "a secret with padding": _with(HS256, k=base64url.encode(bytes(range(40))) + "="),
    "a key for encryption": _with(HS256, use="enc"),
    "another algorithm": _with(HS256, alg="HS512"),
    "times that are text": _with(HS256, activate_at="now"),
    "a key that signs only later": _with(HS256, activate_at=_FUTURE),
    "a key that has retired": _with(HS256, retire_at=1),
    "a point off the curve": _with(ES256, x=base64url.encode(bytes(31) + b"\1")),
    "a private half of another key": _with(ES256, d=new_jwk(ES256)["d"]),
    "a private half of nothing": _with(ES256, d=""),
    "another curve": _with(ES256, crv="P-384"),
    "no y": _elliptic("y"),
}
