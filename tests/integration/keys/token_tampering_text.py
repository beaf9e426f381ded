"""Thousands of changes to the text of a valid token."""

import base64
import itertools
import json
from collections.abc import Iterator
from typing import Final

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from doorward_client import base64url

Tampering = tuple[str, str]
"""The description of a change, and the changed token."""

_SEGMENTS: Final = ("header", "claims", "signature")
_BITS: Final = 8
# The order of the curve P-256 (SEC 2 section 2.4.2).
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_COORDINATE: Final = 32


def text_tamperings(token: str) -> Iterator[Tampering]:
    """Yield changes that need no key."""
    yield from _flipped_characters(token)
    yield from _flipped_bytes(token)
    yield from _shortened_and_lengthened(token)
    yield from _rearranged(token)
    yield from _written_otherwise(token)
    yield from _same_json_written_otherwise(token)


def _flipped_characters(token: str) -> Iterator[Tampering]:
    """Flip each bit of each character, including flips that decode to the same bytes."""
    for place, character in enumerate(token):
        for bit in range(_BITS):
            flipped = chr(ord(character) ^ 1 << bit)
            yield f"bit {bit} of character {place}", token[:place] + flipped + token[place + 1 :]


def _flipped_bytes(token: str) -> Iterator[Tampering]:
    """Flip each bit of each decoded part, and encode it in canonical base64url."""
    parts = token.split(".")
    for number, name in enumerate(_SEGMENTS):
        raw = base64url.decode(parts[number])
        for place, bit in itertools.product(range(len(raw)), range(_BITS)):
            flipped = raw[:place] + bytes([raw[place] ^ 1 << bit]) + raw[place + 1 :]
            changed = [*parts[:number], base64url.encode(flipped), *parts[number + 1 :]]
            yield f"bit {bit} of byte {place} of the {name}", ".".join(changed)


def other_spellings(token: str) -> list[str]:
    """Return the tokens whose parts decode to the same bytes if unused bits are ignored."""
    same = []
    for _, altered in _flipped_characters(token):
        try:
            decoded = [base64.urlsafe_b64decode(part + "==") for part in altered.split(".")]
        except ValueError:
            continue
        if decoded == [base64url.decode(part) for part in token.split(".")] and altered.isalnum() is False:
            same.append(altered)
    return same


def _shortened_and_lengthened(token: str) -> Iterator[Tampering]:
    for place in range(len(token)):
        yield f"cut at {place}", token[:place]
        yield f"without character {place}", token[:place] + token[place + 1 :]
        yield f"character {place} twice", token[: place + 1] + token[place:]
        yield f"a letter before character {place}", token[:place] + "A" + token[place:]
    for end in (
        ".",
        "..",
        "=",
        "==",
        "A",
        "AAAA",
        "!",
        "!!",
        "~",
        "%00",
        "\0",
        "\n",
        ",",
        ";",
        "é",
        " ",
        " x",
    ):
        yield f"{end!r} behind", token + end
        yield f"{end!r} before", end + token
    yield "twice", token + token
    yield "twice with a dot", f"{token}.{token}"
    yield "twice with a comma", f"{token},{token}"
    yield "longer than anybody reads", token + "A" * 5_000


def _rearranged(token: str) -> Iterator[Tampering]:
    """Arrange the three parts in every order, with repetitions and omissions."""
    parts = token.split(".")
    for count in range(6):
        for order in itertools.product(range(len(parts)), repeat=count):
            yield f"parts {order}", ".".join(parts[number] for number in order)
    for gap in itertools.product((True, False), repeat=len(parts)):
        yield (
            f"parts {gap} alone",
            ".".join(part if kept else "" for part, kept in zip(parts, gap, strict=True)),
        )


def _written_otherwise(token: str) -> Iterator[Tampering]:
    header, claims, signature = token.split(".")
    for separator in ("", ",", ":", "..", " ", "%2E", "\t", "․", "/", "+"):
        yield f"{separator!r} for the first dot", f"{header}{separator}{claims}.{signature}"
        yield f"{separator!r} for the second dot", f"{header}.{claims}{separator}{signature}"
    for number, name in enumerate(_SEGMENTS):
        parts = token.split(".")
        raw = base64url.decode(parts[number])
        for how, text in {
            "padded": base64.urlsafe_b64encode(raw).decode() + "=" * (len(raw) % 3 == 0),
            "padded more": parts[number] + "====",
            "standard base64": base64.b64encode(raw).decode().rstrip("=") + "+/",
            "base32": base64.b32encode(raw).decode(),
            "hexadecimal": raw.hex(),
            "plain": raw.decode("latin-1"),
            "encoded twice": base64url.encode(parts[number].encode()),
            "in lower case": parts[number].lower(),
            "in upper case": parts[number].upper(),
            "reversed": parts[number][::-1],
            "as nothing": "",
            "as zeros": base64url.encode(bytes(len(raw))),
            "as ones": base64url.encode(b"\xff" * len(raw)),
            "with a byte more": base64url.encode(raw + b"\0"),
            "with a byte before": base64url.encode(b"\0" + raw),
            "half": base64url.encode(raw[: len(raw) // 2]),
            "twice": base64url.encode(raw + raw),
        }.items():
            parts[number] = text
            yield f"{name} {how}", ".".join(parts)
    yield (
        "the JSON serialization",
        json.dumps({"protected": header, "payload": claims, "signature": signature}),
    )


def _same_json_written_otherwise(token: str) -> Iterator[Tampering]:
    """Yield other JSON texts of the same header and claims, with the original signature."""
    parts = token.split(".")
    for number in (0, 1):
        value = json.loads(base64url.decode(parts[number]))
        for how, text in {
            "with spaces": json.dumps(value, separators=(", ", ": ")),
            "indented": json.dumps(value, indent=1),
            "in another order": json.dumps(dict(reversed(value.items())), separators=(",", ":")),
            "with a space behind": json.dumps(value, separators=(",", ":")) + " ",
            "with a line break before": "\n" + json.dumps(value, separators=(",", ":")),
            "escaped": json.dumps(value, separators=(",", ":")).replace("a", "\\u0061"),
            "with a mark": "﻿" + json.dumps(value, separators=(",", ":")),
        }.items():
            changed = [*parts[:number], base64url.encode(text.encode()), *parts[number + 1 :]]
            yield f"{_SEGMENTS[number]} {how}", ".".join(changed)


def elliptic_tamperings(token: str) -> Iterator[Tampering]:
    """Yield signatures derived from the two numbers of an ES256 signature, without the key."""
    signed, _, signature = token.rpartition(".")
    raw = base64url.decode(signature)
    r, s = (int.from_bytes(part, "big") for part in (raw[:_COORDINATE], raw[_COORDINATE:]))
    numbers = {
        "swapped": (s, r),
        "no r": (0, s),
        "no s": (r, 0),
        "nothing": (0, 0),  # CVE-2022-21449
        "r of the order": (_ORDER, s),
        "s of the order": (r, _ORDER),
        "both of the order": (_ORDER, _ORDER),
        "ones": (1, 1),
        "r one more": (r + 1, s),
        "s one more": (r, s + 1),
        "r negative": (_ORDER - r, s),
        "both negative": (_ORDER - r, _ORDER - s),
    }
    for name, (first, second) in numbers.items():
        pair = b"".join((number % 2**256).to_bytes(_COORDINATE, "big") for number in (first, second))
        yield f"signature: {name}", f"{signed}.{base64url.encode(pair)}"
    for name, content in {
        "DER": encode_dss_signature(r, s),
        "r alone": raw[:_COORDINATE],
        "s alone": raw[_COORDINATE:],
        "longer numbers": b"\0" + raw[:_COORDINATE] + b"\0" + raw[_COORDINATE:],
    }.items():
        yield f"signature: {name}", f"{signed}.{base64url.encode(content)}"
