"""Stores tickets sorted by creation time; word frequencies follow Zipf's law.

The words are invented: of Latin letters with spaces between them, or of two Chinese characters without.
"""

import functools
import itertools
import random
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from bench.seed_users import SeededUsers
from doorward_client.permissions import Role
from doorward_kit.column_types import Uuid
from doorward_kit.database import create_engine
from doorward_kit.word_index import indexed_words, line_of
from doorward_tickets.tables import ticket_search_terms, tickets
from doorward_tickets.tables import user_snapshots as snapshot

VOCABULARY_SIZE: Final = 50_000
CHARACTERS: Final = 3_500
"""Chinese characters in use: those of the first list of the standard of 2013."""

COPIES: Final = 50
"""Tickets with the same text; everything else differs."""

TICKETS_PER_AUTHOR: Final = 50

_SUBJECT_WORDS: Final = 4
_TEXT_WORDS: Final = 20
_FIRST_CHARACTER: Final = 0x4E00
_BATCH_SIZE: Final = 5_000
_ROWS_OF_STATEMENT: Final = 2_000_000
_SNAPSHOT_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)

# A ticket's columns follow from its number n: time and id (RFC 9562 section 5.7) directly, and unordered
# values through a checksum. Numbers rise with the copy, so that rows are written in primary key order.
_NUMBER: Final = "(copies.n * {texts} + {table}.n)"
_CREATED: Final = "TIMESTAMP '2020-01-01 00:00:00' + INTERVAL 150 * {n} SECOND"
_ID: Final = (
    "UNHEX(CONCAT(LPAD(HEX(1577836800000 + 150000 * {n}), 12, '0'), '7000', '8', LPAD(HEX({n}), 15, '0')))"
)


@dataclass(frozen=True)
class SeededTickets:
    """The number of tickets, and the words in them, the most frequent first."""

    count: int
    words: Sequence[str]

    def words_by_frequency(self, chance: random.Random, count: int) -> list[str]:
        """Choose words with the probability of their use in the tickets."""
        return chance.choices(self.words, cum_weights=_cumulative_weights(len(self.words)), k=count)


def create(database_url: str, users: SeededUsers, count: int, *, is_spaced: bool = True) -> SeededTickets:
    """Store `count` tickets, TICKETS_PER_AUTHOR for each author; the users with a token are authors."""
    chance = random.Random(20_260_102)
    words = _latin_words() if is_spaced else _chinese_words()
    texts = list(_texts(chance, words, " " if is_spaced else "", count // COPIES))
    authors = list(_authors(users, count // TICKETS_PER_AUTHOR))
    engine = create_engine(database_url, pool_size=1, timeout=1_800)
    with engine.connect() as connection:
        # Without these checks the server sorts first and builds each index once.
        connection.execute(sa.text("SET unique_checks = 0, foreign_key_checks = 0"))
        _store(connection, texts, authors)
        values = {"texts": len(texts), "authors": len(authors)}
        connection.execute(sa.text(_INSERT_TICKETS.format(**values)))
        insert_words = sa.text(_INSERT_WORDS.format(**values))
        for first, last in _shares(texts):
            connection.execute(insert_words, {"first": first, "last": last})
        connection.execute(sa.text("ANALYZE TABLE tickets, ticket_search_terms"))
        _SCRATCH.drop_all(connection)
    engine.dispose()
    return SeededTickets(len(texts) * COPIES, words)


_SCRATCH: Final = sa.MetaData()
_COPIES: Final = sa.Table(
    "copies", _SCRATCH, sa.Column("n", sa.Integer, primary_key=True, autoincrement=False)
)
_AUTHORS: Final = sa.Table(
    "authors",
    _SCRATCH,
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("id", Uuid(), nullable=False),
)
_TEXTS: Final = sa.Table(
    "texts",
    _SCRATCH,
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    *(
        sa.Column(column.name, column.type)
        for column in (tickets.c.subject, tickets.c.body, tickets.c.search_text)
    ),
)
_WORDS_OF_TEXTS: Final = sa.Table(
    "words_of_texts",
    _SCRATCH,
    sa.Column("word", ticket_search_terms.c.word.type, primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
)
_WORDS: Final = sa.Table(
    "words", _SCRATCH, sa.Column("word", ticket_search_terms.c.word.type, primary_key=True)
)

_N: Final = _NUMBER.format(texts="{texts}", table="texts")
_INSERT_TICKETS: Final = f"""
INSERT INTO tickets
    (id, author_id, assignee_id, subject, body, search_text, status, priority, reply_count, version,
     created_at, updated_at)
SELECT STRAIGHT_JOIN {_ID.format(n=_N)}, authors.id, IF({_N} % 8, NULL, (SELECT id FROM authors WHERE n = 0)),
    subject, body, search_text, IF(CRC32({_N}) % 4, 'closed', 'open'), CRC32(-{_N}) % 4, 0, 1,
    {_CREATED.format(n=_N)}, {_CREATED.format(n=_N)} + INTERVAL CRC32({_N}) % 1000000 SECOND
FROM copies JOIN texts JOIN authors ON authors.n = {_N} % {{authors}}
"""
_M: Final = _NUMBER.format(texts="{texts}", table="words_of_texts")
_INSERT_WORDS: Final = f"""
INSERT INTO ticket_search_terms (word, ticket_id)
SELECT STRAIGHT_JOIN words.word, {_ID.format(n=_M)}
FROM words JOIN copies JOIN words_of_texts ON words_of_texts.word = words.word
WHERE words.word BETWEEN :first AND :last
"""


def _store(connection: sa.Connection, texts: list[dict[str, Any]], authors: list[dict[str, Any]]) -> None:
    _SCRATCH.create_all(connection)
    connection.execute(_COPIES.insert(), [{"n": number} for number in range(COPIES)])
    words = [{"word": word, "n": text["n"]} for text in texts for word in text["search_text"].split()]
    words.sort(key=lambda row: (row["word"], row["n"]))
    snapshots = [
        {
            "id": author["id"],
            "name": author["name"],
            "role": Role.USER.value,
            "updated_at": _SNAPSHOT_TIME,
        }
        for author in authors
    ]
    for table, rows in (
        (_TEXTS, texts),
        (_AUTHORS, [{"n": author["n"], "id": author["id"]} for author in authors]),
        (_WORDS, [{"word": word} for word in sorted({row["word"] for row in words})]),
        (_WORDS_OF_TEXTS, words),
        (snapshot, snapshots),
    ):
        for start in range(0, len(rows), _BATCH_SIZE):
            connection.execute(table.insert(), rows[start : start + _BATCH_SIZE])


def _shares(texts: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield ranges of words with some millions of rows each: a statement of all of them would take hours."""
    count = Counter(word for text in texts for word in text["search_text"].split())
    share: list[str] = []
    rows = 0
    for word in sorted(count):
        share.append(word)
        rows += count[word] * COPIES
        if rows >= _ROWS_OF_STATEMENT:
            yield share[0], share[-1]
            share, rows = [], 0
    if share:
        yield share[0], share[-1]


def _texts(chance: random.Random, words: Sequence[str], space: str, count: int) -> Iterator[dict[str, Any]]:
    weights = _cumulative_weights(len(words))
    for number in range(count):
        chosen = chance.choices(words, cum_weights=weights, k=_SUBJECT_WORDS + _TEXT_WORDS)
        subject, text = space.join(chosen[:_SUBJECT_WORDS]), space.join(chosen[_SUBJECT_WORDS:])
        yield {
            "n": number,
            "subject": subject,
            "body": text,
            "search_text": line_of(indexed_words((subject, text))),
        }


def _latin_words() -> list[str]:
    """Return words of three syllables: none is a prefix of another, and many share a prefix."""
    syllables = ["".join(pair) for pair in itertools.product("bdfgklmnprst", "aeiou")]
    words = ["".join(three) for three in itertools.product(syllables, repeat=3)]
    return random.Random(20_260_103).sample(words, VOCABULARY_SIZE)


def _chinese_words() -> list[str]:
    """Return words of two characters, which are also the pairs where two words meet."""
    characters = [chr(_FIRST_CHARACTER + number) for number in range(CHARACTERS)]
    chance = random.Random(20_260_105)
    return list(dict.fromkeys("".join(chance.sample(characters, 2)) for _ in range(VOCABULARY_SIZE)))


@functools.cache
def _cumulative_weights(count: int) -> list[float]:
    return list(itertools.accumulate(1 / rank for rank in range(1, count + 1)))


def _authors(users: SeededUsers, count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        has_token = number < len(users.ids)
        author = users.ids[number] if has_token else uuid.UUID(int=number + 1)
        yield {"n": number, "id": author, "name": f"Grace Example {number:06}"}
