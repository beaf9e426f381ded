"""Queries of the directory's lists: filters, order and position, and the terms that a search asks for."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

import sqlalchemy as sa

from doorward_identity.directory_index import parts_of
from doorward_identity.tables import users
from doorward_kit.pagination import Position, keyset, up_to
from doorward_kit.word_index import MAX_WORDS, all_words_of
from doorward_users.directory.repository import UserRow
from doorward_users.directory.schemas import DirectoryFilter, DirectorySort

S = TypeVar("S", bound="sa.Select[*tuple[Any, ...]]")


class Order(NamedTuple):
    """The column of an order, and the index that has it."""

    column: sa.Column[Any]
    index_name: str


_ORDERS: Final[Mapping[str, Order]] = {
    "created_at": Order(users.c.created_at, "ix_users_created_at"),
    "email": Order(users.c.email_key, "uq_users_email_key"),
    "name": Order(users.c.name_key, "ix_users_name_key"),
}


class SearchedPart(NamedTuple):
    """The text between two spaces of a search: the start of an address, or words of a name.

    Either is empty where it finds nothing.
    """

    address: str
    words: Sequence[str]


def searched_parts(text: str, *, searches_addresses: bool) -> list[SearchedPart]:
    """Return the first distinct parts of a search."""
    parts = list(dict.fromkeys(parts_of(text)))[:MAX_WORDS]
    return [SearchedPart(part if searches_addresses else "", _words(part)) for part in parts]


def _words(part: str) -> Sequence[str]:
    if "@" in part:  # an address
        return []
    return all_words_of(part)[:MAX_WORDS] or [part]


@dataclass(frozen=True, slots=True)
class ListShape:
    """A list's query without its values, so that the statement of a shape is built once."""

    filters: tuple[str, ...]
    """The filtered columns."""
    order_name: str
    is_descending: bool
    has_position: bool
    """Whether the page starts after a position, and not at the list's start."""

    @property
    def order(self) -> Order:
        return _ORDERS[self.order_name]

    @property
    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """The filters, without the search."""
        return [users.c[name] == sa.bindparam(f"filter_{name}") for name in self.filters]

    def sorted(self, statement: S) -> S:
        """Order a query on users, and start it after the position."""
        after: tuple[Any, Any] | None = None
        if self.has_position:
            after = sa.bindparam("after"), sa.bindparam("after_id")
        column = self.order.column
        return keyset(statement, column, self._tie_breaker, after, descending=self.is_descending)

    @property
    def up_to_end(self) -> sa.ColumnElement[bool]:
        """The condition for users not after the end of a scan."""
        column: sa.ColumnElement[Any] = self.order.column
        end: sa.BindParameter[Any] = sa.bindparam("end")
        if self._tie_breaker is None:
            before: sa.ColumnElement[bool] = column >= end if self.is_descending else column <= end
            return before
        tie: sa.BindParameter[Any] = sa.bindparam("end_id")
        return up_to(column, end, self._tie_breaker, tie, descending=self.is_descending)

    @property
    def _tie_breaker(self) -> sa.Column[uuid.UUID] | None:
        # An address is unique, and a tie-breaker would keep its index from being used.
        return None if self.order.column is users.c.email_key else users.c.id


class DirectoryQuery:
    """A list of users in an order; `parts` is None without a search."""

    def __init__(self, criteria: DirectoryFilter, sort: DirectorySort, *, searches_addresses: bool) -> None:
        filters = {"role": criteria.role, "status": criteria.status}
        self._filters = {name: value.value for name, value in filters.items() if value is not None}
        self._order_name = sort.value.removeprefix("-")
        self._is_descending = sort.value.startswith("-")
        self.parts: Final = (
            None
            if criteria.search is None
            else searched_parts(criteria.search, searches_addresses=searches_addresses)
        )

    def shape(self, position: Position | None) -> ListShape:
        return ListShape(tuple(self._filters), self._order_name, self._is_descending, position is not None)

    def values(self, position: Position | None, end: Position | None = None) -> dict[str, Any]:
        """Return the values of the shape's parameters."""
        values: dict[str, Any] = {f"filter_{name}": value for name, value in self._filters.items()}
        for name, at in (("after", position), ("end", end)):
            if at is not None:
                values[name], values[f"{name}_id"] = self._keys(at)
        return values

    def position(self, row: UserRow) -> Position:
        """Return the cursor position of a row."""
        return self.position_of(getattr(row, _ORDERS[self._order_name].column.name), row.id)

    def position_of(self, value: Any, user_id: uuid.UUID) -> Position:
        """Return the position of a value of the order's column and an id."""
        return Position(value.isoformat() if isinstance(value, datetime) else value, user_id.hex)

    def _keys(self, position: Position) -> tuple[Any, uuid.UUID]:
        is_time = self._order_name == "created_at"
        value = datetime.fromisoformat(position.value) if is_time else position.value
        return value, uuid.UUID(hex=position.id)
