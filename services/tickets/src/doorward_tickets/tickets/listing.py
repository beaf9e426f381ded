"""What is listed: to whom, which tickets, in which order; and the index that has them so."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from doorward_common.pagination import Position, keyset, up_to
from doorward_tickets.tables import tickets
from doorward_tickets.tickets.schemas import Filter, TicketSort

S = TypeVar("S", bound="sa.Select[*tuple[Any, ...]]")

_COLUMNS: Final[Mapping[str, sa.Column[Any]]] = {
    "created_at": tickets.c.created_at,
    "updated_at": tickets.c.updated_at,
    "priority": tickets.c.priority,
}


class Listing:
    """A list of tickets. `reader` is the author whose tickets alone are there, None for an administrator."""

    def __init__(self, reader: bytes | None, criteria: Filter, sort: TicketSort) -> None:
        self._order = sort.value.removeprefix("-")
        self._descending = sort.value.startswith("-")
        self.words = criteria.words
        wanted = _wanted(reader, criteria)
        self.conditions = [column == value for column, value in wanted]
        # One column's value and the order are an index; what else is asked for is looked at by row.
        self.indexed_conditions = self.conditions[:1]
        columns = (*(column.name for column, _ in wanted[:1]), self._order)
        self._index = f"ix_tickets_{'_'.join(columns)}"

    @property
    def is_range(self) -> bool:
        """Whether an index has these tickets in this order, and no others between them."""
        return not self.words and len(self.conditions) == len(self.indexed_conditions)

    def behind(self, position: Position | None, statement: S) -> S:
        """Put a query on tickets in order, and begin it behind a position.

        The index is named: MariaDB reads a filtered list that is turned around from its end, where
        it chooses for itself.
        """
        hint = f"FORCE INDEX ({self._index})"
        ordered = self.sorted_behind(position, statement)
        return ordered.with_hint(tickets, hint, "mysql").with_hint(tickets, hint, "mariadb")

    def sorted_behind(self, position: Position | None, statement: S) -> S:
        """Do the same for a query that finds its tickets by another way, and sorts them."""
        keys = None if position is None else self._keys(position)
        return keyset(statement, _COLUMNS[self._order], tickets.c.id, keys, descending=self._descending)

    def up_to(self, position: Position) -> sa.ColumnElement[bool]:
        """Build the predicate for the tickets that are not behind a position."""
        value, ticket_id = self._keys(position)
        column = _COLUMNS[self._order]
        return up_to(column, value, tickets.c.id, ticket_id, descending=self._descending)

    def next_entries(self, position: Position | None) -> "sa.Select[Any, bytes]":
        """Build the query for the positions behind one, which the index alone answers."""
        entries = sa.select(_COLUMNS[self._order], tickets.c.id).where(*self.indexed_conditions)
        return self.behind(position, entries)

    def position(self, row: Any) -> Position:
        """Return where a page that ends with `row` ends: a row with the column and the id."""
        value = getattr(row, self._order)
        written = value.isoformat() if isinstance(value, datetime) else str(value)
        return Position(written, row.id.hex())

    def _keys(self, position: Position) -> tuple[Any, bytes]:
        read = int if self._order == "priority" else datetime.fromisoformat
        return read(position.value), bytes.fromhex(position.id)


def _wanted(reader: bytes | None, criteria: Filter) -> list[tuple[sa.Column[Any], Any]]:
    """Return the values that columns have to have, and first what narrows most.

    Each of these columns begins an index for every order.
    """
    found: list[tuple[sa.Column[Any], Any]] = []
    if reader is not None:
        found.append((tickets.c.author_id, reader))
    if criteria.author is not None:
        found.append((tickets.c.author_id, criteria.author.bytes))
    if criteria.assignee is not None:
        found.append((tickets.c.assignee_id, criteria.assignee.bytes))
    if criteria.status is not None:
        found.append((tickets.c.status, criteria.status.value))
    return found
