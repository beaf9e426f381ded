"""The orders of lists, and the positions in them that cursors name."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from doorward_common.pagination import Position
from doorward_tickets.tables import tickets
from doorward_tickets.tickets.schemas import TicketSort

_COLUMNS: Final[Mapping[str, sa.Column[Any]]] = {
    "created_at": tickets.c.created_at,
    "updated_at": tickets.c.updated_at,
    "priority": tickets.c.priority,
}


class Order(NamedTuple):
    """An order by a column, and by id where that is the same."""

    column: sa.Column[Any]
    descending: bool

    @classmethod
    def of(cls, sort: TicketSort) -> "Order":
        """Return the order that a request names."""
        return cls(_COLUMNS[sort.value.removeprefix("-")], sort.value.startswith("-"))

    def keys(self, position: Position) -> tuple[Any, bytes]:
        """Return the values that a position stands for."""
        read = int if self.column is tickets.c.priority else datetime.fromisoformat
        return read(position.value), bytes.fromhex(position.id)

    def position(self, row: Any) -> Position:
        """Return where a page that ends with `row` ends: a row with the column and the id."""
        value = getattr(row, self.column.name)
        written = value.isoformat() if isinstance(value, datetime) else str(value)
        return Position(written, row.id.hex())
