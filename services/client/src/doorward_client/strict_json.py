"""JSON by RFC 8259 and RFC 7493 (I-JSON), for bodies and token segments from outside.

The standard library also accepts NaN, duplicate keys, UTF-16 and lone surrogates. Other parsers read these
differently or cannot write them back, so they are rejected before any rule sees a value.
"""

import json
import math
import re
from typing import Any, Final, NoReturn

MAX_DEPTH: Final = 32
"""Levels of nesting; the deepest body of the API has three."""


# A string up to its closing quote or the end of the text. Possessive, so that every text takes linear time
# (ASVS 1.3.12).
_STRING_OR_BRACKET: Final = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)


class InvalidJsonError(ValueError):
    """The text is not valid JSON; the message never quotes it."""


def loads(raw: bytes) -> Any:
    """Parse one JSON text.

    Raises InvalidJsonError for anything that is not plain UTF-8 JSON with unique keys, finite
    numbers, storable strings and at most MAX_DEPTH levels.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidJsonError("the text is not UTF-8") from None
    _reject_deep_nesting(text)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise InvalidJsonError(f"{error.msg} at character {error.pos}") from None
    except RecursionError:
        raise InvalidJsonError("too many levels of nesting") from None
    if "\\u" in text or "\0" in text:
        _reject_unstorable_text(value)
    return value


def _reject_deep_nesting(text: str) -> None:
    # A fast upper bound; only a text above it needs the exact count.
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        if found[0] in "[{":
            depth += 1
        elif found[0] in "]}":
            depth -= 1
        if depth > MAX_DEPTH:
            raise InvalidJsonError("too many levels of nesting")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidJsonError("an object names a member twice")
    return members


def _reject_constant(_name: str) -> NoReturn:
    raise InvalidJsonError("NaN and Infinity are not JSON")


def _integer(digits: str) -> int:
    # Other parsers round beyond 2^53 (RFC 7493 section 2.2), and int() takes quadratic time.
    if len(digits) > 17:  # noqa: PLR2004 - sixteen digits and a sign hold 2^53
        raise InvalidJsonError("an integer is out of range")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise InvalidJsonError("a number is out of range")
    return number


# Built once: it takes a quarter of the time of a short text.
_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique_keys,
    parse_constant=_reject_constant,
    parse_int=_integer,
    parse_float=_finite,
)


def _reject_unstorable_text(value: Any) -> None:
    """Reject NUL and lone surrogates, which no database or UTF-8 encoder accepts."""
    if isinstance(value, str):
        if "\0" in value:
            raise InvalidJsonError("a string holds a NUL character")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise InvalidJsonError("a string holds half a surrogate pair")
    elif isinstance(value, dict):
        for key, member in value.items():
            _reject_unstorable_text(key)
            _reject_unstorable_text(member)
    elif isinstance(value, list):
        for member in value:
            _reject_unstorable_text(member)
