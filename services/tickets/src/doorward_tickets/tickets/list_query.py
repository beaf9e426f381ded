"""Queries of lists: visible tickets, filters, order and position, and the index that serves them."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from doorward_kit.pagination import Position, keyset, up_to
from doorward_tickets.tables import tickets
from doorward_tickets.tickets.schemas import TicketSort
from doorward_tickets.tickets.workflow import TicketStatus

S = TypeVar("S", bound="sa.Select[*tuple[Any, ...]]")

_ORDER_COLUMNS: Final[Mapping[str, sa.Column[Any]]] = {
    "created_at": tickets.c.created_at,
    "updated_at": tickets.c.updated_at,
    "priority": tickets.c.priority,
}


@dataclass(frozen=True, slots=True)
class TicketFilter:
    """Filters of a list. A ticket must match each word by the start of one of its own words.

    `matches_nothing` is a search for a text without words. No cursor contains it, nor `number`: a list with
    either has one page.
    """

    words: tuple[str, ...] = ()
    status: TicketStatus | None = None
    author: uuid.UUID | None = None
    assignee: uuid.UUID | None = None
    number: int | None = field(default=None, repr=False)
    matches_nothing: bool = field(default=False, repr=False)


@dataclass(frozen=True, slots=True)
class QueryShape:
    """A list's query without its values, so that the statement of a shape is built once.

    `columns` are the filtered columns, the most selective one first. Each of them is the first column of an
    index for every order.
    """

    columns: tuple[str, ...]
    order: str
    is_descending: bool
    has_position: bool
    """Whether the page starts after a position, and not at the list's start."""

    @property
    def conditions(self) -> "list[sa.ColumnElement[bool]]":
        return [
            tickets.c[name] == sa.bindparam(f"filter_{number}") for number, name in enumerate(self.columns)
        ]

    def sorted(self, statement: S) -> S:
        """Order a query on tickets, and start it after the position."""
        after: tuple[Any, Any] | None = None
        if self.has_position:
            after = sa.bindparam("after"), sa.bindparam("after_id")
        column = _ORDER_COLUMNS[self.order]
        return keyset(statement, column, tickets.c.id, after, descending=self.is_descending)

    def ordered(self, statement: S) -> S:
        """Do the same, reading the index that has this order.

        The index is forced, because MariaDB on its own reads a descending filtered list from its end.
        """
        # The index covers the first filter and the order; further filters are checked row by row.
        hint = f"FORCE INDEX (ix_tickets_{'_'.join((*self.columns[:1], self.order))})"
        return self.sorted(statement).with_hint(tickets, hint, "mysql").with_hint(tickets, hint, "mariadb")

    def next_entries(self) -> "sa.Select[Any, uuid.UUID]":
        """Return the query for the next positions, which the index alone answers."""
        return self.ordered(sa.select(_ORDER_COLUMNS[self.order], tickets.c.id).where(*self.conditions[:1]))


class ListQuery:
    """A list of tickets: of one author, or of all for `author_id` None."""

    def __init__(self, author_id: uuid.UUID | None, criteria: TicketFilter, sort: TicketSort) -> None:
        filters = _filters(author_id, criteria)
        self.words = criteria.words
        self.number = criteria.number
        self._columns = tuple(name for name, _ in filters)
        self._values = {f"filter_{number}": value for number, (_, value) in enumerate(filters)}
        self._order = sort.value.removeprefix("-")
        self._is_descending = sort.value.startswith("-")

    @property
    def is_index_range(self) -> bool:
        """Whether the list is one range of an index."""
        return not self.words and not self._columns[1:]

    def shape(self, position: Position | None) -> QueryShape:
        return QueryShape(self._columns, self._order, self._is_descending, position is not None)

    def values(self, position: Position | None) -> dict[str, Any]:
        """Return the values of the shape's parameters."""
        if position is None:
            return self._values
        value, ticket_id = self._keys(position)
        return {**self._values, "after": value, "after_id": ticket_id}

    def up_to(self, position: Position) -> sa.ColumnElement[bool]:
        """Return the condition for tickets not after a position."""
        value, ticket_id = self._keys(position)
        column = _ORDER_COLUMNS[self._order]
        return up_to(column, value, tickets.c.id, ticket_id, descending=self._is_descending)

    def position(self, row: Any) -> Position:
        """Return the position of a row that has the order's column and the id."""
        value = getattr(row, self._order)
        written = value.isoformat() if isinstance(value, datetime) else str(value)
        return Position(written, row.id.hex)

    def _keys(self, position: Position) -> tuple[Any, uuid.UUID]:
        read = int if self._order == "priority" else datetime.fromisoformat
        return read(position.value), uuid.UUID(hex=position.id)


def _filters(author_id: uuid.UUID | None, criteria: TicketFilter) -> list[tuple[str, Any]]:
    """Return the filtered columns and their values, the most selective one first."""
    filters: list[tuple[str, Any]] = []
    if author_id is not None:
        filters.append(("author_id", author_id))
    if criteria.author is not None:
        filters.append(("author_id", criteria.author))
    if criteria.assignee is not None:
        filters.append(("assignee_id", criteria.assignee))
    if criteria.status is not None:
        filters.append(("status", criteria.status.value))
    return filters
