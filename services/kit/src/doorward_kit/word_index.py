"""Search by words with an index of our own: a table with one row for each word of a text.

A text matches a query if it has, for each word of the query, a word with that prefix, whatever the case and
the accents. A full-text index of the database would read every matching text before it sorts and limits them.
From this table a query reads only as many rows as it needs, on MariaDB, MySQL and SQLite alike.
"""

import re
import unicodedata
from collections.abc import Iterable
from itertools import islice
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from doorward_client.errors import DoorwardError, FieldError
from doorward_kit.column_types import exact_text

MIN_WORD_LENGTH: Final = 3
"""Shorter prefixes match nearly every text."""

MAX_WORD_LENGTH: Final = 84
MAX_WORDS: Final = 8

MAX_INDEXED_WORDS: Final = 256
MAX_LINE_BYTES: Final = 8_192
"""Limits of what is stored of a text, whatever it contains: a row for each word is many times its length.

A text of three-letter words would take sixteen times its size, and a character may decompose into eighteen.
"""

_WORD: Final = re.compile(r"\w+")
_BEHIND_EVERY_WORD: Final = "\U0010ffff"


class NoSearchWordError(DoorwardError):
    """422 for a query without a word of sufficient length."""

    status = 422
    code = "validation_error"
    detail = "The request does not have the expected shape; `errors` names each field."

    def __init__(self, parameter: str) -> None:
        super().__init__()
        self.errors = [
            FieldError(
                pointer=f"query:{parameter}",
                code="no_word",
                detail=f"Search for a word of {MIN_WORD_LENGTH} to {MAX_WORD_LENGTH} letters or digits.",
            )
        ]


def words_of(query: str, *, parameter: str = "q") -> tuple[str, ...]:
    """Return the distinct words of a query; raises NoSearchWordError."""
    words = tuple(_words(query))
    if not words:
        raise NoSearchWordError(parameter)
    return words[:MAX_WORDS]


def indexed_words(texts: Iterable[str]) -> list[str]:
    """Return the first distinct words of texts, within the limits, sorted."""
    left = MAX_LINE_BYTES
    words: list[str] = []
    for word in islice(_words("\n".join(texts)), MAX_INDEXED_WORDS):
        left -= len(word.encode()) + 1
        if left < 0:
            break
        words.append(word)
    return sorted(words)


def _words(text: str) -> dict[str, None]:
    # Case folding may decompose and composing may restore a capital, so each is applied twice.
    folded = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(
        character
        for character in unicodedata.normalize("NFKD", folded)
        if unicodedata.category(character)[0] != "M"
    )
    found: list[str] = _WORD.findall(unicodedata.normalize("NFC", plain).casefold())
    return dict.fromkeys(word for word in found if MIN_WORD_LENGTH <= len(word) <= MAX_WORD_LENGTH)


def line_of(words: Iterable[str]) -> str:
    """Join the words of a text for `has_words`."""
    return "".join(f" {word}" for word in words)


def words_of_line(line: str) -> list[str]:
    """Return what `line_of` joined."""
    return line.split()


def line_column() -> sa.types.TypeEngine[str]:
    """Return the type of a column with joined words."""
    return sa.Text().with_variant(mysql.TEXT(charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")


def word_column() -> sa.types.TypeEngine[str]:
    """Return the type of a column with single words."""
    return exact_text(MAX_WORD_LENGTH)


def has_words(line: sa.ColumnElement[str], words: Iterable[str]) -> sa.ColumnElement[bool]:
    """Return the predicate of joined words that have, for each of `words`, a word with that prefix."""
    return sa.and_(*(line.contains(f" {word}", autoescape=True) for word in words))


def begins_with(column: sa.ColumnElement[str], word: str) -> sa.ColumnElement[bool]:
    """Return the predicate of single words with a prefix: one range of an index."""
    return column.between(word, word + _BEHIND_EVERY_WORD)
