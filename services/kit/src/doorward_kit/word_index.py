"""Search by words with an index of our own: a table with one row for each word of a text.

A text matches a query if it has, for each word of the query, a word with that prefix, whatever the case and
the accents. A full-text index of the database would read every matching text before it sorts and limits them.
From this table a query reads only as many rows as it needs, on MariaDB, MySQL and SQLite alike.

Scripts without spaces between words are indexed by pairs of characters, and by the last character of each
run: so every character begins an entry, and a query of one character finds it, too.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from doorward_kit.column_types import exact_text
from doorward_kit.text_folding import fold

INDEX_VERSION: Final = 2
"""Rises when `indexed_words` returns other words for a text, so that stored texts are indexed again."""

MAX_WORD_LENGTH: Final = 84
"""Characters of a word; the rest of a longer word is not compared."""

MAX_WORDS: Final = 8

MAX_INDEXED_WORDS: Final = 256
MAX_LINE_BYTES: Final = 8_192
"""Limits of what is stored of a text, whatever it contains: a row for each word is many times its length.

A text of three-letter words would take sixteen times its size, and a character may decompose into eighteen.
"""

_SHORT_WORD_LENGTH: Final = 2
"""Words of so few letters match nearly every text: a query that has other words is answered by those."""

# Han, kana, bopomofo; Thai, Lao; Myanmar; Khmer; Tai Le, New Tai Lue, Tai Tham. Full-width forms are folded.
_UNSPACED: Final = (
    "\u3005-\u3007\u3021-\u3029\u3041-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\U00016ff0-\U00018d8f\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
    "\u0e01-\u0edf\u1000-\u109f\ua9e0-\ua9fe\uaa60-\uaa7f\u1780-\u17d7\u17dc\u1950-\u19df\u1a20-\u1aad"
)
_RUN: Final = re.compile(rf"([{_UNSPACED}]+)")

# "R&D" is a word, and so are "C++" and "C#".
_WORD: Final = re.compile(r"(?<!\w)\w{1,2}&\w{1,2}(?!\w)|\w+[+#]{0,2}")
_BEHIND_EVERY_WORD: Final = "\U0010ffff"


def words_of(query: str) -> tuple[str, ...]:
    """Return the first distinct words of a query: none if the query has no letter or digit."""
    words = all_words_of(query)
    significant = [word for word in words if not _is_short(word)]
    return tuple((significant or words)[:MAX_WORDS])


def all_words_of(query: str) -> list[str]:
    """Do the same with the short words, for texts in which these say as much as others, such as names."""
    words: dict[str, None] = {}
    for word in _split(query):
        pairs = _pairs(word) if _RUN.match(word) else [word]
        words.update(dict.fromkeys(pairs))
    return list(words)


def indexed_words(texts: Iterable[str]) -> list[str]:
    """Return the first distinct words of texts, within the limits, sorted."""
    left = MAX_LINE_BYTES
    words: list[str] = []
    for word in islice(dict.fromkeys(_entries("\n".join(texts))), MAX_INDEXED_WORDS):
        left -= len(word.encode()) + 1
        if left < 0:
            break
        words.append(word)
    return sorted(words)


def _split(text: str) -> Iterator[str]:
    """Yield the words of a text, and the runs of unspaced characters whole."""
    for match in _WORD.finditer(fold(text)):
        for part in _RUN.split(match.group()):
            if _RUN.match(part):
                yield part
            elif word := part.lstrip("&+#").rstrip("&"):  # what a run leaves over
                yield word[:MAX_WORD_LENGTH]


def _entries(text: str) -> Iterator[str]:
    for word in _split(text):
        if _RUN.match(word):
            yield from _pairs(word)
            yield word[-1]
        else:
            yield word


def _pairs(run: str) -> list[str]:
    return [run[start : start + 2] for start in range(len(run) - 1)] or [run]


def _is_short(word: str) -> bool:
    return len(word) <= _SHORT_WORD_LENGTH and word.isalpha() and not _RUN.match(word)


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


def begins_with_parameter(column: sa.ColumnElement[str], name: str) -> sa.ColumnElement[bool]:
    """Return the predicate of `begins_with` with a parameter, for `prefix_values`."""
    return column.between(sa.bindparam(name), sa.bindparam(f"{name}_end"))


def prefix_values(name: str, word: str) -> dict[str, str]:
    """Return the values of `begins_with_parameter`."""
    return {name: word, f"{name}_end": word + _BEHIND_EVERY_WORD}


def begins_with(column: sa.ColumnElement[str], word: str) -> sa.ColumnElement[bool]:
    """Return the predicate of single words with a prefix: one range of an index."""
    return column.between(word, word + _BEHIND_EVERY_WORD)
