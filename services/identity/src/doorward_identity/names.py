"""People's names: one line of text, kept as typed and compared without case."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from doorward_identity.tables import NAME_LENGTH


def name_key(name: str) -> str:
    """Return what names are sorted and searched by: NFKC, casefolded, cut to its column."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", folded)[: NAME_LENGTH * 2]


def _one_line(name: str) -> str:
    stripped = unicodedata.normalize("NFC", name).strip()
    if not stripped:
        raise PydanticCustomError("name_empty", "A name has at least one visible character.")
    # Control and format characters, line and paragraph separators: they forge mail headers and
    # log lines, or turn the text around. The zero-width joiners of some scripts stay.
    if any(
        unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or character in _DIRECTION_MARKS
        for character in stripped
    ):
        raise PydanticCustomError("name_not_one_line", "A name is one line of text.")
    return stripped


_DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

PersonName = Annotated[
    str, Field(min_length=1, max_length=NAME_LENGTH, examples=["Ada"]), AfterValidator(_one_line)
]
