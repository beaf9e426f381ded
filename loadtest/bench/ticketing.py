"""A million tickets, in the order of arrival, with words as often as words are."""

import itertools
import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from bench.people import People
from doorward_client.permissions import Role
from doorward_kit.column_types import Uuid
from doorward_kit.database import create_engine
from doorward_kit.word_index import indexed_words, line_of
from doorward_tickets.tables import ticket_search_terms, tickets
from doorward_tickets.tables import user_snapshots as snapshot

VOCABULARY: Final = 50_000
COPIES: Final = 50
"""Tickets that share a text: what differs in them is everything else."""

EACH: Final = 50
"""Tickets of an author."""

_SUBJECT_WORDS: Final = 4
_TEXT_WORDS: Final = 20
_BATCH: Final = 5_000
_HEARD: Final = datetime(2026, 1, 1, tzinfo=UTC)

# A ticket's number n says everything: its moment, its id (RFC 9562 section 5.7), and by a checksum
# what has no order. Numbers rise with the copy, so that rows are written in the order of their keys.
_NUMBER: Final = "(copies.n * {texts} + {table}.n)"
_CREATED: Final = "TIMESTAMP '2020-01-01 00:00:00' + INTERVAL 150 * {n} SECOND"
_ID: Final = (
    "UNHEX(CONCAT(LPAD(HEX(1577836800000 + 150000 * {n}), 12, '0'), '7000', '8', LPAD(HEX({n}), 15, '0')))"
)


@dataclass(frozen=True)
class Tickets:
    """How many there are, and the words in them, the most frequent first."""

    count: int
    words: Sequence[str]


def create(database_url: str, people: People, count: int) -> Tickets:
    """Store `count` tickets of authors who have EACH, the readers of `people` among them."""
    chance = random.Random(20_260_102)
    words = _vocabulary()
    texts = list(_texts(chance, words, count // COPIES))
    authors = list(_authors(people, count // EACH))
    engine = create_engine(database_url, pool_size=1, timeout=300)
    with engine.connect() as connection:
        # Into empty tables the server then sorts first, and builds each index once.
        connection.execute(sa.text("SET unique_checks = 0, foreign_key_checks = 0"))
        _store(connection, texts, authors)
        values = {"texts": len(texts), "authors": len(authors)}
        for statement in (_INSERT_TICKETS, _INSERT_WORDS):
            connection.execute(sa.text(statement.format(**values)))
        connection.execute(sa.text("ANALYZE TABLE tickets, ticket_search_terms"))
        _SCRATCH.drop_all(connection)
    engine.dispose()
    return Tickets(len(texts) * COPIES, words)


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
_TEXT_WORDS_OF: Final = sa.Table(
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
"""


def _store(connection: sa.Connection, texts: list[dict[str, Any]], authors: list[dict[str, Any]]) -> None:
    _SCRATCH.create_all(connection)
    connection.execute(_COPIES.insert(), [{"n": number} for number in range(COPIES)])
    found = [{"word": word, "n": one["n"]} for one in texts for word in one["search_text"].split()]
    found.sort(key=lambda one: (one["word"], one["n"]))
    heard = [
        {"id": one["id"], "name": one["name"], "role": Role.USER.value, "updated_at": _HEARD}
        for one in authors
    ]
    for table, rows in (
        (_TEXTS, texts),
        (_AUTHORS, [{"n": one["n"], "id": one["id"]} for one in authors]),
        (_WORDS, [{"word": word} for word in sorted({one["word"] for one in found})]),
        (_TEXT_WORDS_OF, found),
        (snapshot, heard),
    ):
        for start in range(0, len(rows), _BATCH):
            connection.execute(table.insert(), rows[start : start + _BATCH])


def _texts(chance: random.Random, words: Sequence[str], count: int) -> Iterator[dict[str, Any]]:
    weights = list(itertools.accumulate(1 / rank for rank in range(1, len(words) + 1)))
    for number in range(count):
        chosen = chance.choices(words, cum_weights=weights, k=_SUBJECT_WORDS + _TEXT_WORDS)
        subject, text = " ".join(chosen[:_SUBJECT_WORDS]), " ".join(chosen[_SUBJECT_WORDS:])
        yield {
            "n": number,
            "subject": subject,
            "body": text,
            "search_text": line_of(indexed_words((subject, text))),
        }


def _vocabulary() -> list[str]:
    """Return words of three syllables: none begins another, and many begin alike."""
    syllables = ["".join(pair) for pair in itertools.product("bdfgklmnprst", "aeiou")]
    made = ["".join(three) for three in itertools.product(syllables, repeat=3)]
    return random.Random(20_260_103).sample(made, VOCABULARY)


def _authors(people: People, count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        known = number < len(people.readers)
        person = people.readers[number] if known else uuid.UUID(int=number + 1)
        yield {"n": number, "id": person, "name": f"Grace Example {number:06}"}
