"""Lists and search with a bounded cost: each page reads a limited number of rows.

A list with one filter is a range of an index. A list with more filters, or with words, is searched.
Common words are found fastest by scanning tickets in the requested order, rare words by the index of words.
A short scan tells which:

1. Scan the next tickets in order. Stop if the page is full, or if there are no more (as in most users' own
   lists).
2. If few tickets contain one of the words, return those that match.
3. Otherwise continue the scan up to a higher limit. The page may be short; its cursor is the end of the scan.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import sqlalchemy as sa

from doorward_kit.pagination import Position
from doorward_kit.word_index import begins_with, has_words
from doorward_tickets.tables import ticket_search_terms, tickets
from doorward_tickets.tickets.list_query import ListQuery, QueryShape
from doorward_tickets.tickets.repository import (
    JSON_ROWS,
    SELECT_JSON_ROWS,
    TicketRow,
    list_tickets,
    select_rows,
)

SHORT_SCAN_SIZE: Final = 2_000
LONG_SCAN_SIZE: Final = 8_000
RARE_WORD_LIMIT: Final = 6_000
"""Tickets with a rare word. Of a million tickets, a long scan fills a page for any word with more."""


class SearchResult(NamedTuple):
    """Tickets in order, and the position where the scan stopped before the list's end."""

    tickets: list[TicketRow]
    stopped_at: Position | None


def find_tickets(
    connection: sa.Connection, query: ListQuery, position: Position | None, count: int
) -> SearchResult:
    """Read up to `count` tickets after a position; with fewer and no `stopped_at`, the list has ended."""
    if query.is_index_range:
        return SearchResult(list_tickets(connection, query, position, count), None)
    return search_tickets(connection, query, position, count)


def search_tickets(
    connection: sa.Connection, query: ListQuery, position: Position | None, count: int
) -> SearchResult:
    """Do the same for a list that no index has in order."""
    short = _scan(connection, query, position, SHORT_SCAN_SIZE, count)
    if len(short.tickets) == count or short.stopped_at is None:
        return SearchResult(short.tickets, None)
    word = _find_rare_word(connection, query.words)
    if word is not None:
        return SearchResult(_find_by_word(connection, query, word, position, count), None)
    long = _scan(connection, query, short.stopped_at, LONG_SCAN_SIZE, count - len(short.tickets))
    found = short.tickets + long.tickets
    return SearchResult(found, None if len(found) == count else long.stopped_at)


def _scan(
    connection: sa.Connection, query: ListQuery, position: Position | None, size: int, count: int
) -> SearchResult:
    """Check the next `size` entries of the index that has the order."""
    shape = query.shape(position)
    statement = shape.ordered(SELECT_JSON_ROWS.where(*_conditions(query, shape)))
    end = _scan_end(connection, query, position, size)
    if end is not None:
        statement = statement.where(query.up_to(end))
    found = connection.execute(statement.limit(count), query.values(position))
    return SearchResult(JSON_ROWS.read(found), end)


def _scan_end(
    connection: sa.Connection, query: ListQuery, position: Position | None, size: int
) -> Position | None:
    """Return the position of entry number `size`, None if no entry follows it."""
    entries = query.shape(position).next_entries().limit(2).offset(size - 1)
    last_two = connection.execute(entries, query.values(position)).all()
    return query.position(last_two[0]) if len(last_two) > 1 else None


def _find_rare_word(connection: sa.Connection, words: Sequence[str]) -> str | None:
    """Return the word with the fewest tickets, None if they exceed the limit."""
    if not words:
        return None
    counts = [
        sa.select(sa.func.count())
        .select_from(_entries(word).limit(RARE_WORD_LIMIT + 1).subquery())
        .scalar_subquery()
        for word in words
    ]
    count, word = min(zip(connection.execute(sa.select(*counts)).one(), words, strict=True))
    return word if count <= RARE_WORD_LIMIT else None


def _find_by_word(
    connection: sa.Connection, query: ListQuery, word: str, position: Position | None, count: int
) -> list[TicketRow]:
    """Read all tickets with a word, filter them by the rest of the query, and sort them."""
    entries = _entries(word).distinct().subquery("entries")
    source = entries.join(tickets, tickets.c.id == entries.c.ticket_id)
    shape = query.shape(position)
    statement = shape.sorted(select_rows(source).where(*_conditions(query, shape)))
    for dialect in ("mysql", "mariadb"):
        # From the entries to the tickets: the optimizer may prefer to read all tickets in order.
        statement = statement.prefix_with("STRAIGHT_JOIN", dialect=dialect)
    # Not as JSON: the server would write each of thousands of rows as JSON before it sorts them.
    found = connection.execute(statement.limit(count), query.values(position))
    return [TicketRow._make(row) for row in found]


def _conditions(query: ListQuery, shape: QueryShape) -> list[sa.ColumnElement[bool]]:
    words = [has_words(tickets.c.search_text, query.words)] if query.words else []
    return [*shape.conditions, *words]


def _entries(word: str) -> "sa.Select[bytes]":
    return sa.select(ticket_search_terms.c.ticket_id).where(begins_with(ticket_search_terms.c.word, word))
