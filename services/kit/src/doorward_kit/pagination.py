"""Keyset pagination: a cursor names the last row of the previous page.

Unlike an offset it costs the same at any depth, and it neither skips nor repeats rows that others insert or
delete. A cursor is signed and bound to its query, so a forged one or that of another query is rejected.
"""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, TypeVar

import orjson
import sqlalchemy as sa
from fastapi import Query
from pydantic import BaseModel

from doorward_client import base64url
from doorward_client.errors import DoorwardError

T = TypeVar("T")
R = TypeVar("R")
S = TypeVar("S", bound="sa.Select[*tuple[Any, ...]]")

_MAC_BYTES: Final = 16

Limit = Annotated[int, Query(ge=1, le=200, description="Maximum number of items in the page.")]
Cursor = Annotated[str | None, Query(max_length=1024, description="`next_cursor` of the previous page.")]


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    items: list[T]
    next_cursor: str | None


class InvalidCursorError(DoorwardError):
    """400 for a cursor that was not issued for this query."""

    status = 400
    code = "invalid_cursor"
    detail = "The cursor is not valid for this query. Start again without a cursor."


@dataclass(frozen=True, slots=True)
class Position:
    """The end of a page: the value of the sort column, and the id that breaks ties."""

    value: str
    id: str


class CursorCodec:
    """Encodes positions as opaque signed cursors, with secrets that replicas share.

    `secrets` is called each time, because secrets rotate; the first one signs.
    """

    def __init__(self, secrets: Callable[[], Sequence[bytes]]) -> None:
        self._secrets = secrets

    def encode(self, position: Position, *, query: Sequence[object]) -> str:
        """Return the cursor of the page after `position` in the list that `query` identifies."""
        payload = orjson.dumps([position.value, position.id])
        return base64url.encode(_mac(self._secrets()[0], payload, query) + payload)

    def decode(self, cursor: str, *, query: Sequence[object]) -> Position:
        """Return the position of a cursor; raises InvalidCursorError unless it was issued for this query."""
        try:
            raw = base64url.decode(cursor)
        except ValueError:
            raise InvalidCursorError from None
        mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not any(hmac.compare_digest(mac, _mac(secret, payload, query)) for secret in self._secrets()):
            raise InvalidCursorError
        value, identifier = orjson.loads(payload)
        return Position(value, identifier)

    def page(
        self,
        found: Sequence[R],
        limit: int,
        position_of: Callable[[R], Position],
        *,
        query: Sequence[object],
        stopped_at: Position | None = None,
    ) -> tuple[Sequence[R], str | None]:
        """Return a page of at most `limit` rows and the cursor of the next page, None at the end.

        The query of `found` has a limit of `limit + 1`: the extra row means that there is a next page.
        `stopped_at` is the end of a search that stopped early: there may be a next page, too.
        """
        if len(found) <= limit:
            return found, None if stopped_at is None else self.encode(stopped_at, query=query)
        return found[:limit], self.encode(position_of(found[limit - 1]), query=query)


def _mac(secret: bytes, payload: bytes, query: Sequence[object]) -> bytes:
    key = hmac.digest(secret, b"doorward cursor", "sha256")
    described = hashlib.sha256(repr(tuple(query)).encode("utf-8", "backslashreplace")).digest()
    return hmac.digest(key, described + payload, "sha256")[:_MAC_BYTES]


def after(
    column: sa.ColumnElement[Any],
    value: Any,
    tie_breaker: sa.ColumnElement[Any] | None,
    tie_value: Any,
    *,
    descending: bool,
) -> sa.ColumnElement[bool]:
    """Return the predicate of the rows after a position; a unique column needs no tie-breaker.

    MariaDB reads the OR form as two ranges of an index. For `(a, b) > (x, y)` it reads every row before the
    position, and for `a >= x AND (a > x OR b > y)` every row with that `a`.
    """
    beyond: sa.ColumnElement[bool] = column < value if descending else column > value
    if tie_breaker is None:
        return beyond
    tie = tie_breaker < tie_value if descending else tie_breaker > tie_value
    return sa.or_(beyond, sa.and_(column == value, tie))


def up_to(
    column: sa.ColumnElement[Any],
    value: Any,
    tie_breaker: sa.ColumnElement[Any],
    tie_value: Any,
    *,
    descending: bool,
) -> sa.ColumnElement[bool]:
    """Return the predicate of the rows up to a position: the complement of `after`."""
    before: sa.ColumnElement[bool] = column > value if descending else column < value
    tie = tie_breaker >= tie_value if descending else tie_breaker <= tie_value
    return sa.or_(before, sa.and_(column == value, tie))


def keyset(
    statement: S,
    column: sa.ColumnElement[Any],
    tie_breaker: sa.ColumnElement[Any] | None,
    behind: tuple[Any, Any] | None,
    *,
    descending: bool,
) -> S:
    """Order a query by a column and its tie-breaker, and start after the values `behind`, if given."""
    if behind is not None:
        statement = statement.where(after(column, behind[0], tie_breaker, behind[1], descending=descending))
    order = [column] if tie_breaker is None else [column, tie_breaker]
    return statement.order_by(*(key.desc() if descending else key for key in order))
