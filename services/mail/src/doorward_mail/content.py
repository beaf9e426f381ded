"""The texts of a mail, and text that is safe where a line break is not."""

import unicodedata
from dataclasses import dataclass
from typing import Final

# Marks that turn the direction of what follows: with them a name rewrites the sentence around it.
_BIDI_CONTROLS: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Texts:
    """What a mail says, in one language."""

    subject: str
    text: str
    html: str


def one_line(text: str) -> str:
    """Return text without line breaks, control characters, or marks that turn its direction."""
    return " ".join("".join(" " if _is_control(one) else one for one in text).split())


def header_text(text: str) -> str:
    """Return text that is safe in a header.

    Python's header parser decodes encoded words (RFC 2047) in text that is assigned to a header, and
    before 3.11.10 writes a line break that was inside one as it is: a subject with `=?utf-8?q?=0A?=`
    in it then begins a header of its own.
    """
    return one_line(text).replace("=?", "= ?")


def _is_control(character: str) -> bool:
    return character in _BIDI_CONTROLS or unicodedata.category(character) in {"Cc", "Zl", "Zp", "Cs"}
