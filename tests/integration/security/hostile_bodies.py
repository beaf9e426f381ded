"""Bodies that every route must reject."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

SENT_PASSWORD: Final = "Tr0ub4dor-and-3-that-nobody-may-repeat"
"""Part of every body here; no response and no log line may contain it."""

_DEPTH: Final = 100_000


def not_json(good: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Yield invalid JSON texts (400), made of a valid body."""
    text = json.dumps(good)
    first = next(iter(good))
    yield "truncated", text[:-1].encode()
    yield "two texts", (text + text).encode()
    yield "trailing comma", (text[:-1] + ",}").encode()
    yield "comment", (text + "// x").encode()
    yield "single quotes", text.replace('"', "'").encode()
    yield "blank", b"   "
    for name in ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 400, "01", "+1", "0x10", "1_000"):
        yield f"number {name[:9]}", (text[:-1] + f',"extra":{name}}}').encode()
        yield (
            f"number {name[:9]} for {first}",
            json.dumps({**good, first: 0}).replace(" 0", f" {name}", 1).encode(),
        )
    for name, escape in {
        "high": "\\ud800",
        "low": "\\udfff",
        "reversed": "\\udc00\\ud800",
        "NUL": "\\u0000",
    }.items():
        yield f"{name} surrogate or NUL in a value", text.replace('": "', f'": "{escape}', 1).encode()
        yield f"{name} surrogate or NUL in a key", (text[:-1] + f',"{escape}":1}}').encode()
        yield f"{name} surrogate or NUL deep inside", (text[:-1] + f',"x":[{{"y":"{escape}"}}]}}').encode()
    yield "raw surrogate", text.replace('": "', '": "\ud800', 1).encode("utf-8", "surrogatepass")
    yield "raw NUL", text.replace('": "', '": "\0', 1).encode()
    yield "raw line break in a string", text.replace('": "', '": "\n', 1).encode()
    yield "overlong UTF-8", text.encode().replace(b'": "', b'": "\xc0\xaf', 1)
    yield "broken UTF-8", text.encode().replace(b'": "', b'": "\xff', 1)
    yield "latin-1", text.encode().replace(b'": "', b'": "\xe9', 1)
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"):
        yield encoding, text.encode(encoding)
    yield "UTF-7", b"+AHs-" + text[1:].encode()
    for member in good:
        twice = text[:-1] + f', "{member}": {json.dumps(good[member])}}}'
        yield f"duplicate {member}", twice.encode()
        escaped = f"\\u{ord(member[0]):04x}{member[1:]}"
        yield f"duplicate {member}, escaped", (text[:-1] + f', "{escaped}": "x"}}').encode()
    yield "duplicate deep inside", (text[:-1] + ',"x":{"y":1,"y":2}}').encode()
    yield from _deep(text)


def _deep(text: str) -> Iterator[tuple[str, bytes]]:
    """Within the limit of 64 KiB, which does not stop these."""
    yield "32,000 levels", b"[" * 32_000 + b"]" * 32_000
    yield "60,000 levels, never closed", b"[" * 60_000
    yield "10,000 objects", b'{"a":' * 10_000 + b"1" + b"}" * 10_000
    yield "33 levels in a member", (text[:-1] + ',"x":' + "[" * 33 + "]" * 33 + "}").encode()
    yield "33 levels behind a string of brackets", ('["' + "]" * 50 + '",' + "[" * 33 + "]" * 34).encode()
    yield "quotes behind 33 levels", b"[" * 33 + b'"' + b'\\"' * 32_000
    yield "backslashes behind 33 levels", b"[" * 33 + b'"' + b"\\" * 64_000
    yield "half strings behind 33 levels", b"[" * 33 + b'"a' * 32_000


def too_long() -> bytes:
    """Return a text 100,000 levels deep, past the limit."""
    return b"[" * _DEPTH


def wrong_shapes(good: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield JSON values of another shape (422)."""
    whole: tuple[Any, ...] = (None, True, 0, "text", [], [good], [[]], {})
    for value in whole:
        yield f"{json.dumps(value)[:12]} for the body", value
    for member in good:
        yield f"without {member}", {name: value for name, value in good.items() if name != member}
        members: tuple[Any, ...] = (None, True, 0, 12345, 1.5, [], ["x"], [good[member]], {}, {"$ne": ""}, "")
        for value in members:
            yield f"{value!r} for {member}", {**good, member: value}


MASS_ASSIGNMENT: Final[Mapping[str, Any]] = {
    "id": "00000000-0000-0000-0000-000000000000",
    "email_verified": True,
    "email_verified_at": "2026-01-01T00:00:00Z",
    "is_admin": True,
    "token_version": 0,
    "version": 1,
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
    "password_hash": "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$aGFzaA",
    "email_key": "admin@example.com",
    "name_key": "admin",
    "__proto__": {"role": "admin"},
    "constructor": {},
    "Role": "admin",
    "ROLE": "admin",
    " role": "admin",
    "": 1,
    "role\u200b": "admin",
    "x" * 60_000: 1,
}
"""Unknown members, which are rejected and not ignored."""
