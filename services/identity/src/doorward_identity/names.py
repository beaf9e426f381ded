"""People's names: one line of text, kept as typed and compared without case."""

import unicodedata
from typing import Annotated, Final

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from doorward_identity.tables import NAME_LENGTH


def name_key(name: str) -> str:
    """Return what names are sorted and searched by: NFKC, casefolded, cut to its column."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", folded)[: NAME_LENGTH * 2]


def _one_line(name: str) -> str:
    composed = unicodedata.normalize("NFC", name).strip()
    if len(composed) > NAME_LENGTH:  # composing makes some scripts longer
        raise PydanticCustomError("name_too_long", f"A name has at most {NAME_LENGTH} characters.")
    # Control characters, line and paragraph separators and direction marks forge mail headers and
    # log lines or turn the text around. The zero-width joiners that some scripts need stay.
    if any(
        unicodedata.category(character) in _BREAKING or character in _DIRECTION_MARKS
        for character in composed
    ):
        raise PydanticCustomError("name_not_one_line", "A name is one line of text.")
    if not any(unicodedata.category(character)[0] in _VISIBLE for character in composed):
        raise PydanticCustomError("name_empty", "A name has at least one visible character.")
    return composed


_BREAKING: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_VISIBLE: Final = frozenset("LNPS")  # letters, numbers, punctuation, symbols
_DIRECTION_MARKS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

PersonName = Annotated[
    str, Field(min_length=1, max_length=NAME_LENGTH, examples=["Ada"]), AfterValidator(_one_line)
]
"""A name as people write it: one line, at least one visible character."""
