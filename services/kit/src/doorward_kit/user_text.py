"""Text that users write: normalized, trimmed, without characters that forge or reorder text."""

import unicodedata
from typing import Final

from pydantic_core import PydanticCustomError

# Control characters, line separators and direction marks forge mail headers and log lines or reorder the
# text. Zero-width joiners stay, because some scripts need them.
_BREAKING: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_VISIBLE: Final = frozenset("LNPS")  # letters, numbers, punctuation, symbols
_DIRECTION_MARKS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LINES: Final = frozenset("\n\t")


def one_line(text: str, *, what: str, max_length: int) -> str:
    """Return one line of text in NFC, trimmed.

    Raises PydanticCustomError with a code of `what` and `_too_long`, `_not_one_line` or `_empty`.
    """
    composed = _normalized(text, what=what, max_length=max_length)
    if composed and composed.isascii() and composed.isprintable():
        return composed  # what the loops below would find, character by character
    if any(
        unicodedata.category(character) in _BREAKING or character in _DIRECTION_MARKS
        for character in composed
    ):
        raise PydanticCustomError(f"{what}_not_one_line", f"A {what} is one line of text.")
    return _require_visible(composed, what=what)


def paragraphs(text: str, *, what: str, max_length: int) -> str:
    r"""Return a text of several lines in NFC, trimmed; lines end with \n.

    Raises PydanticCustomError with a code of `what` and `_too_long`, `_not_plain` or `_empty`.
    """
    composed = _normalized(text.replace("\r\n", "\n").replace("\r", "\n"), what=what, max_length=max_length)
    if any(
        unicodedata.category(character) in {"Cc", "Cs"} and character not in _LINES for character in composed
    ):
        raise PydanticCustomError(f"{what}_not_plain", f"A {what} is plain text without control characters.")
    return _require_visible(composed, what=what)


def _normalized(text: str, *, what: str, max_length: int) -> str:
    composed = unicodedata.normalize("NFC", text).strip()
    if len(composed) > max_length:  # NFC makes text of some scripts longer
        raise PydanticCustomError(f"{what}_too_long", f"A {what} has at most {max_length} characters.")
    return composed


def _require_visible(text: str, *, what: str) -> str:
    if not any(unicodedata.category(character)[0] in _VISIBLE for character in text):
        raise PydanticCustomError(f"{what}_empty", f"A {what} has at least one visible character.")
    return text
