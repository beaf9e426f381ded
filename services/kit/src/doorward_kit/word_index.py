"""Search by words, with an index of our own: one row a word and text, in a table like any other.

A text matches when for each word of the query it has one that begins so, whatever the case and the
accents. A database's own full-text index reads every text that has a word before it orders and cuts
them; of these rows a reader takes as many as it chooses, on MariaDB, MySQL and SQLite alike.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from doorward_client.errors import DoorwardError, FieldError
from doorward_kit.column_types import exact_text

SHORTEST_WORD: Final = 3
"""What begins with fewer characters is nearly every text."""

LONGEST_WORD: Final = 84
MOST_WORDS: Final = 8

_WORD: Final = re.compile(r"\w+")
_BEHIND_EVERY_WORD: Final = "\U0010ffff"
# Of text that is no longer composed. Bounds what is stored of a text of 10,000 characters, of which
# some stand for eighteen others.
_LONGEST_LINE: Final = 16_000


class NoWordToFindError(DoorwardError):
    """422 for a query without a word that is long enough to be found."""

    status = 422
    code = "validation_error"
    detail = "The request does not have the expected shape; `errors` names each field."

    def __init__(self, parameter: str) -> None:
        super().__init__()
        self.errors = [
            FieldError(
                pointer=f"query:{parameter}",
                code="no_word",
                detail=f"Search for a word of {SHORTEST_WORD} to {LONGEST_WORD} letters or digits.",
            )
        ]


def words_of(query: str, *, parameter: str = "q") -> tuple[str, ...]:
    """Return the words that a query is about, each once; raises NoWordToFindError."""
    words = tuple(_words(query))
    if not words:
        raise NoWordToFindError(parameter)
    return words[:MOST_WORDS]


def indexed_words(texts: Iterable[str]) -> list[str]:
    """Return the words that texts are found by, each once, in order."""
    left = _LONGEST_LINE
    words = []
    for word in _words("\n".join(texts)):
        left -= len(word) + 1
        if left < 0:
            break
        words.append(word)
    return sorted(words)


def _words(text: str) -> dict[str, None]:
    # Folding may undo the composition and composing may bring a capital back, so each comes twice.
    folded = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(
        character
        for character in unicodedata.normalize("NFKD", folded)
        if unicodedata.category(character)[0] != "M"
    )
    found: list[str] = _WORD.findall(unicodedata.normalize("NFC", plain).casefold())
    return dict.fromkeys(word for word in found if SHORTEST_WORD <= len(word) <= LONGEST_WORD)


def line_of(words: Sequence[str]) -> str:
    """Write the words of a text as `has_words` reads them."""
    return "".join(f" {word}" for word in words)


def line_column() -> sa.types.TypeEngine[str]:
    """Type of a column of lines."""
    return sa.Text().with_variant(mysql.TEXT(charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")


def word_column() -> sa.types.TypeEngine[str]:
    """Type of a column of single words."""
    return exact_text(LONGEST_WORD)


def has_words(line: sa.ColumnElement[str], words: Iterable[str]) -> sa.ColumnElement[bool]:
    """Build the predicate for lines with words that begin as each of `words` does."""
    return sa.and_(*(line.contains(f" {word}", autoescape=True) for word in words))


def begins_with(column: sa.ColumnElement[str], word: str) -> sa.ColumnElement[bool]:
    """Build the predicate for single words that begin so: one range of an index."""
    return column.between(word, word + _BEHIND_EVERY_WORD)
