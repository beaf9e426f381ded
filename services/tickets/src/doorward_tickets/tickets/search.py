"""Lists of tickets. Those with words, or with more than one filter, are searched (see bounded_search)."""

from collections.abc import Sequence

import sqlalchemy as sa

from doorward_kit.bounded_search import SearchResult, search
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


def find_tickets(
    connection: sa.Connection, query: ListQuery, position: Position | None, count: int
) -> SearchResult[TicketRow]:
    """Read up to `count` tickets after a position; with fewer and no `stopped_at`, the list has ended."""
    if query.number is not None:
        return SearchResult(_find_by_number(connection, query, query.number), None)
    if query.is_index_range:
        return SearchResult(list_tickets(connection, query, position, count), None)
    return search_tickets(connection, query, position, count)


def search_tickets(
    connection: sa.Connection, query: ListQuery, position: Position | None, count: int
) -> SearchResult[TicketRow]:
    """Do the same for a list that no index has in order."""
    return search(_SearchedTickets(connection, query), position, count)


class _SearchedTickets:
    """The tickets of one query."""

    def __init__(self, connection: sa.Connection, query: ListQuery) -> None:
        self._connection = connection
        self._query = query

    def scan(self, position: Position | None, size: int, count: int) -> SearchResult[TicketRow]:
        """Check the next `size` entries of the index that has the order."""
        query = self._query
        shape = query.shape(position)
        statement = shape.ordered(SELECT_JSON_ROWS.where(*_conditions(self._query, shape)))
        end = self._scan_end(position, size)
        if end is not None:
            statement = statement.where(query.up_to(end))
        found = self._connection.execute(statement.limit(count), query.values(position))
        return SearchResult(JSON_ROWS.read(found), end)

    def find_by_rare_word(
        self, position: Position | None, limit: int, count: int
    ) -> Sequence[TicketRow] | None:
        """Read all tickets with the rarest word, filter them by the rest of the query, and sort them."""
        word = self._find_rare_word(limit)
        if word is None:
            return None
        entries = _entries(word).distinct().subquery("entries")
        source = entries.join(tickets, tickets.c.id == entries.c.ticket_id)
        shape = self._query.shape(position)
        statement = shape.sorted(select_rows(source).where(*_conditions(self._query, shape)))
        for dialect in ("mysql", "mariadb"):
            # From the entries to the tickets: the optimizer may prefer to read all tickets in order.
            statement = statement.prefix_with("STRAIGHT_JOIN", dialect=dialect)
        # Not as JSON: the server would write each of thousands of rows as JSON before it sorts them.
        found = self._connection.execute(statement.limit(count), self._query.values(position))
        return [TicketRow._make(row) for row in found]

    def _scan_end(self, position: Position | None, size: int) -> Position | None:
        """Return the position of entry number `size`, None if no entry follows it."""
        query = self._query
        entries = query.shape(position).next_entries().limit(2).offset(size - 1)
        last_two = self._connection.execute(entries, query.values(position)).all()
        return query.position(last_two[0]) if len(last_two) > 1 else None

    def _find_rare_word(self, limit: int) -> str | None:
        """Return the word with the fewest tickets, None if they exceed the limit."""
        words = self._query.words
        if not words:
            return None
        counts = [
            sa.select(sa.func.count())
            .select_from(_entries(word).limit(limit + 1).subquery())
            .scalar_subquery()
            for word in words
        ]
        count, word = min(zip(self._connection.execute(sa.select(*counts)).one(), words, strict=True))
        return word if count <= limit else None


def _find_by_number(connection: sa.Connection, query: ListQuery, number: int) -> list[TicketRow]:
    """Read the ticket with a number, if it matches the rest of the query."""
    conditions = _conditions(query, query.shape(None))
    statement = select_rows(tickets).where(tickets.c.number == number, *conditions)
    return [TicketRow._make(row) for row in connection.execute(statement, query.values(None))]


def _conditions(query: ListQuery, shape: QueryShape) -> list[sa.ColumnElement[bool]]:
    words = [has_words(tickets.c.search_text, query.words)] if query.words else []
    return [*shape.conditions, *words]


def _entries(word: str) -> "sa.Select[bytes]":
    return sa.select(ticket_search_terms.c.ticket_id).where(begins_with(ticket_search_terms.c.word, word))
