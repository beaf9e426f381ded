"""Folding of text for search: texts that people read as the same become the same characters."""

import unicodedata
from typing import Final

_VOICING_MARKS: Final = frozenset("\u3099\u309a")
"""The marks that tell kana apart ("bus" from "path"), which no writer leaves out as one does an accent."""

_INVISIBLE: Final = dict.fromkeys(map(ord, "\u00ad\u200b\u200d\u2060\ufeff"))
"""Soft hyphens, zero-width spaces and joiners: some editors put them between the letters of a word."""

_BASE_LETTERS: Final = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ħ": "h", "ŧ": "t", "\u0131": "i", "æ": "ae", "œ": "oe"}
)
"""Letters with a stroke and ligatures, and the dotless i, which Unicode does not decompose."""


def fold(text: str) -> str:
    """Return a text without case, accents, variants of width and invisible characters. It is idempotent."""
    if text.isascii():
        return text.lower()  # what all the rest comes to
    # Case folding may decompose and composing may restore a capital, so each is applied twice.
    folded = unicodedata.normalize("NFKD", text.translate(_INVISIBLE)).casefold()
    plain = "".join(
        character for character in unicodedata.normalize("NFKD", folded) if not _is_dropped_mark(character)
    )
    return unicodedata.normalize("NFC", plain).casefold().translate(_BASE_LETTERS)


def _is_dropped_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M" and character not in _VOICING_MARKS
