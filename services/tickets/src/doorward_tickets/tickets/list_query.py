"""What is listed: to whom, which tickets, in which order; and the index that has them so."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from doorward_kit.pagination import Position, keyset, up_to
from doorward_tickets.tables import tickets
from doorward_tickets.tickets.schemas import Filter, TicketSort

S = TypeVar("S", bound="sa.Select[*tuple[Any, ...]]")

_COLUMNS: Final[Mapping[str, sa.Column[Any]]] = {
    "created_at": tickets.c.created_at,
    "updated_at": tickets.c.updated_at,
    "priority": tickets.c.priority,
}


@dataclass(frozen=True, slots=True)
class Shape:
    """All of a list's query but its values, so that the query of each shape is built once.

    `columns` have to have a value each, and first the one that narrows most; each of them begins an
    index for every order.
    """

    columns: tuple[str, ...]
    order: str
    is_descending: bool
    is_behind: bool
    """Whether it begins behind a position, and not at the start."""

    @property
    def conditions(self) -> "list[sa.ColumnElement[bool]]":
        """What a ticket of the list fulfils."""
        return [
            tickets.c[name] == sa.bindparam(f"wanted_{number}") for number, name in enumerate(self.columns)
        ]

    def sorted(self, statement: S) -> S:
        """Put a query that finds its tickets in some other way in order, and begin it behind the position."""
        behind: tuple[Any, Any] | None = None
        if self.is_behind:
            behind = sa.bindparam("behind"), sa.bindparam("behind_id")
        return keyset(statement, _COLUMNS[self.order], tickets.c.id, behind, descending=self.is_descending)

    def ordered(self, statement: S) -> S:
        """Do so for a query on tickets, by the index that has them in this order.

        The index is named: MariaDB reads a filtered list that is turned around from its end, where
        it chooses for itself.
        """
        # One column's value and the order are an index; what else is asked for is looked at by row.
        hint = f"FORCE INDEX (ix_tickets_{'_'.join((*self.columns[:1], self.order))})"
        return self.sorted(statement).with_hint(tickets, hint, "mysql").with_hint(tickets, hint, "mariadb")

    def next_entries(self) -> "sa.Select[Any, bytes]":
        """Build the query for the next positions, which the index alone answers."""
        return self.ordered(sa.select(_COLUMNS[self.order], tickets.c.id).where(*self.conditions[:1]))


class Listing:
    """A list of tickets. `reader` is the author whose tickets alone are there, None for an administrator."""

    def __init__(self, reader: uuid.UUID | None, criteria: Filter, sort: TicketSort) -> None:
        wanted = _wanted(reader, criteria)
        self.words = criteria.words
        self._columns = tuple(name for name, _ in wanted)
        self._values = {f"wanted_{number}": value for number, (_, value) in enumerate(wanted)}
        self._order = sort.value.removeprefix("-")
        self._is_descending = sort.value.startswith("-")

    @property
    def is_range(self) -> bool:
        """Whether an index has these tickets in this order, and no others between them."""
        return not self.words and not self._columns[1:]

    def shape(self, position: Position | None) -> Shape:
        """Return what the query behind a position is made of."""
        return Shape(self._columns, self._order, self._is_descending, position is not None)

    def values(self, position: Position | None) -> dict[str, Any]:
        """Return the values for that query."""
        if position is None:
            return self._values
        value, ticket_id = self._keys(position)
        return {**self._values, "behind": value, "behind_id": ticket_id}

    def up_to(self, position: Position) -> sa.ColumnElement[bool]:
        """Build the predicate for the tickets that are not behind a position."""
        value, ticket_id = self._keys(position)
        column = _COLUMNS[self._order]
        return up_to(column, value, tickets.c.id, ticket_id, descending=self._is_descending)

    def position(self, row: Any) -> Position:
        """Return where a page that ends with `row` ends: a row with the column and the id."""
        value = getattr(row, self._order)
        written = value.isoformat() if isinstance(value, datetime) else str(value)
        return Position(written, row.id.hex)

    def _keys(self, position: Position) -> tuple[Any, uuid.UUID]:
        read = int if self._order == "priority" else datetime.fromisoformat
        return read(position.value), uuid.UUID(hex=position.id)


def _wanted(reader: uuid.UUID | None, criteria: Filter) -> list[tuple[str, Any]]:
    """Return the values that columns have to have, and first what narrows most."""
    found: list[tuple[str, Any]] = []
    if reader is not None:
        found.append(("author_id", reader))
    if criteria.author is not None:
        found.append(("author_id", criteria.author))
    if criteria.assignee is not None:
        found.append(("assignee_id", criteria.assignee))
    if criteria.status is not None:
        found.append(("status", criteria.status.value))
    return found
