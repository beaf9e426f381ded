"""Queries of the search. Whatever is asked, a page costs so many rows and no more.

Common words are found soonest by reading tickets in the order that is asked for, rare ones by the
index of words; which is which, a short look tells:

1. Read the next tickets in order. That they fill the page, or are all there are (most people's own),
   ends it.
2. If the index has few tickets for one of the words, those are the answer.
3. Otherwise read on in order, longer, and then leave it at what was found: the page is short, and
   its cursor is where the reading ended.
"""

from typing import Any, Final, NamedTuple, TypeVar

import sqlalchemy as sa

from doorward_common.full_text import begins_with, has_words
from doorward_common.pagination import Position, keyset, up_to
from doorward_tickets.tables import ticket_words, tickets
from doorward_tickets.tickets.orders import Order
from doorward_tickets.tickets.repository import SHOWN, TicketRow, beside_people, conditions, rows, wanted
from doorward_tickets.tickets.schemas import Filter

S = TypeVar("S", bound="sa.Select[*tuple[Any, ...]]")

_TICKETS: Final = sa.select(*SHOWN).select_from(beside_people(tickets))

SHORT_LOOK: Final = 2_000
LONG_LOOK: Final = 10_000
FEW: Final = 5_000
"""Tickets: with so many of a million, a long look finds a page of those that are more."""


class Found(NamedTuple):
    """Tickets in order, and where the reading was broken off before the end, if it was."""

    tickets: list[TicketRow]
    stopped_at: Position | None


class Search:
    """One search over one connection: what is asked for, by whom, in which order."""

    def __init__(
        self, connection: sa.Connection, reader: bytes | None, criteria: Filter, order: Order
    ) -> None:
        self._connection = connection
        self._order = order
        self._words = criteria.words
        self._conditions = conditions(reader, criteria)
        # One column's equality and the order are an index; what else is asked for is looked at by row.
        narrowed = wanted(reader, criteria)[:1]
        self._narrowed = [column == value for column, value in narrowed]
        indexed = (*(column.name for column, _ in narrowed), order.column.name)
        self._index = f"ix_tickets_{'_'.join(indexed)}"

    def page(self, behind: Position | None, count: int) -> Found:
        """Read up to `count` tickets behind a position; fewer are all there are, or come with `stopped_at`."""
        short = self._look(behind, SHORT_LOOK, count)
        if len(short.tickets) == count or short.stopped_at is None:
            return Found(short.tickets, None)
        word = self._rare_word()
        if word is not None:
            return Found(self._listed(word, behind, count), None)
        long = self._look(short.stopped_at, LONG_LOOK, count - len(short.tickets))
        found = short.tickets + long.tickets
        return Found(found, None if len(found) == count else long.stopped_at)

    def _look(self, behind: Position | None, length: int, count: int) -> Found:
        """Go through the next tickets of the index that is read in this order, so many."""
        statement = self._in_order(self._narrow(_TICKETS), behind)
        end = self._end(behind, length)
        if end is not None:
            value, ticket_id = self._order.keys(end)
            column, descending = self._order
            statement = statement.where(up_to(column, value, tickets.c.id, ticket_id, descending=descending))
        return Found(rows(self._connection.execute(statement.limit(count))), end)

    def _end(self, behind: Position | None, length: int) -> Position | None:
        """Return where the next so many tickets end, None if there are no more than these."""
        entries = sa.select(self._order.column, tickets.c.id).where(*self._narrowed)
        last_two = self._in_order(entries, behind).limit(2).offset(length - 1)
        ends = self._connection.execute(last_two).all()
        return self._order.position(ends[0]) if len(ends) > 1 else None

    def _in_order(self, statement: S, behind: Position | None) -> S:
        column, descending = self._order
        keys = None if behind is None else self._order.keys(behind)
        ordered = keyset(statement, column, tickets.c.id, keys, descending=descending)
        # Any other index would have to be read whole, and sorted.
        hint = f"FORCE INDEX ({self._index})"
        return ordered.with_hint(tickets, hint, "mysql").with_hint(tickets, hint, "mariadb")

    def _rare_word(self) -> str | None:
        """Return the word that the fewest tickets have, if these are few."""
        counts = [
            sa.select(sa.func.count()).select_from(_entries(word).limit(FEW + 1).subquery()).scalar_subquery()
            for word in self._words
        ]
        found = self._connection.execute(sa.select(*counts)).one()
        count, word = min(zip(found, self._words, strict=True))
        return word if count <= FEW else None

    def _listed(self, word: str, behind: Position | None, count: int) -> list[TicketRow]:
        """Read all tickets with a word, and put those that have the others in order."""
        listed = _entries(word).distinct().subquery("listed")
        source = listed.join(tickets, tickets.c.id == listed.c.ticket_id)
        statement = self._narrow(sa.select(*SHOWN).select_from(beside_people(source)))
        column, descending = self._order
        keys = None if behind is None else self._order.keys(behind)
        ordered = keyset(statement, column, tickets.c.id, keys, descending=descending)
        # From the list to the tickets, whatever the optimizer thinks of tickets in order.
        for dialect in ("mysql", "mariadb"):
            ordered = ordered.prefix_with("STRAIGHT_JOIN", dialect=dialect)
        return rows(self._connection.execute(ordered.limit(count)))

    def _narrow(self, statement: S) -> S:
        return statement.where(*self._conditions, has_words(tickets.c.words, self._words))


def _entries(word: str) -> "sa.Select[bytes]":
    return sa.select(ticket_words.c.ticket_id).where(begins_with(ticket_words.c.word, word))
