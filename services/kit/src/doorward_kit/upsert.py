"""Insert, or change what is there, in one statement that two callers may run at once."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, sqlite

Row = Mapping[str, Any]
Given = sa.ColumnCollection[str, sa.ColumnElement[Any]]


def upsert(
    connection: sa.Connection,
    table: sa.Table,
    values: Row,
    *,
    changed: Sequence[str],
    unless: sa.ColumnElement[bool] | None = None,
) -> None:
    """Insert a row; where its primary key is there already, set the columns `changed` to its values.

    Not where the row that is there is as `unless` says: it then stays as it is.
    """
    fresh: dict[str, Any] = {name: values[name] for name in changed}
    if unless is not None:
        fresh = {name: sa.case((unless, table.c[name]), else_=value) for name, value in fresh.items()}
    _insert(connection, table, values, lambda _: fresh)


def upsert_all(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Row], *, changed: Sequence[str]
) -> None:
    """Do so with several rows. They are locked one after the other: give them in one order everywhere."""
    _insert(connection, table, rows, lambda given: {name: given[name] for name in changed})


def _insert(
    connection: sa.Connection,
    table: sa.Table,
    values: Row | Sequence[Row],
    fresh: Callable[[Given], Mapping[str, Any]],
) -> None:
    """Insert; `fresh` says what a row that is there gets, of the values that were given for it."""
    if connection.dialect.name == "sqlite":
        key = [column.name for column in table.primary_key]
        added = sqlite.insert(table).values(values)
        connection.execute(added.on_conflict_do_update(index_elements=key, set_=fresh(added.excluded)))
    else:
        put = mysql.insert(table).values(values)
        connection.execute(put.on_duplicate_key_update(fresh(put.inserted)))
