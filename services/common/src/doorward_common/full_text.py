"""Search by words with what the database has for it: FULLTEXT (MariaDB, MySQL) or FTS5 (SQLite).

A text matches when for each word of the query it has one that begins so, whatever the case and the
accents. Nothing of a query but letters, digits and underscores reaches the database, so none of it is
an operator there.
"""

import re
import unicodedata
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from doorward_common.errors import DoorwardError, FieldError

COLLATION: Final = "utf8mb4_unicode_520_ci"
"""Of searched columns. Of the collations that MariaDB and MySQL both have, the one that knows most."""

SHORTEST_WORD: Final = 3
"""InnoDB indexes nothing shorter (innodb_ft_min_token_size), and such a word would find nothing."""

LONGEST_WORD: Final = 84  # innodb_ft_max_token_size
MOST_WORDS: Final = 8

_WORD: Final = re.compile(r"\w+")


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


def searched_text(length: int | None = None) -> sa.types.TypeEngine[str]:
    """Text that a full-text index reads: compared without case and accents."""
    own = mysql.TEXT(collation=COLLATION) if length is None else mysql.VARCHAR(length, collation=COLLATION)
    return (sa.Text() if length is None else sa.String(length)).with_variant(own, "mysql", "mariadb")


def words_of(query: str, *, parameter: str = "q") -> tuple[str, ...]:
    """Return the words that a query is about, each once; raises NoWordToFindError."""
    folded = unicodedata.normalize("NFKC", query).casefold()
    words = dict.fromkeys(
        word for word in _WORD.findall(folded) if SHORTEST_WORD <= len(word) <= LONGEST_WORD
    )
    if not words:
        raise NoWordToFindError(parameter)
    return tuple(words)[:MOST_WORDS]


def index_name(table: str) -> str:
    """Return what the full-text index of a table is called; on SQLite, a table of its own."""
    return f"ft_{table}"


def has_words(
    connection: sa.Connection,
    key: sa.Column[bytes],
    columns: tuple[sa.Column[str], ...],
    words: tuple[str, ...],
) -> sa.ColumnElement[bool]:
    """Build the predicate for rows with all of `words` in the indexed `columns`.

    `key` is the table's primary key. The index is made by migrations.create_full_text_index.
    """
    if connection.dialect.name == "sqlite":
        found = sa.table(index_name(key.table.name), sa.column("row_key"))
        asked = " ".join(f'"{word}"*' for word in words)
        name: sa.ColumnClause[str] = sa.literal_column(index_name(key.table.name))
        return key.in_(sa.select(found.c.row_key).where(name.op("MATCH")(asked)))
    asked = " ".join(f"+{word}*" for word in words)
    return mysql.match(*columns, against=asked, in_boolean_mode=True)
