"""Insert or update in one statement, safe for concurrent callers."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, sqlite

Row = Mapping[str, Any]
NewValues = sa.ColumnCollection[str, sa.ColumnElement[Any]]


def upsert(
    connection: sa.Connection,
    table: sa.Table,
    values: Row,
    *,
    changed: Sequence[str],
    unless: sa.ColumnElement[bool] | None = None,
    unique: Sequence[str] = (),
) -> None:
    """Insert a row, or set the columns `changed` of the row with the same primary key.

    With `unique` it is the row with the same values in these columns, which have a unique index. A row that
    matches `unless` stays unchanged.
    """
    fresh: dict[str, Any] = {name: values[name] for name in changed}
    if unless is not None:
        fresh = {name: sa.case((unless, table.c[name]), else_=value) for name, value in fresh.items()}
    connection.execute(_insert(connection.dialect.name, table, values, lambda _: fresh, unique))


def upsert_all(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Row], *, changed: Sequence[str]
) -> None:
    """Upsert several rows. They are locked in the given order: use one order everywhere."""
    statement = _insert(
        connection.dialect.name, table, rows, lambda new: {name: new[name] for name in changed}
    )
    connection.execute(statement)


def upsert_values(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Row], *, changed: tuple[str, ...]
) -> None:
    """Like `upsert_all`, for rows without SQL expressions: the statement is built and compiled once.

    For `upsert_all` SQLAlchemy compiles each anew, which takes longer than the execution.
    """
    statement = _insert_of_values(connection.dialect.name, table, tuple(rows[0]), changed)
    connection.execute(statement, rows)


@lru_cache(maxsize=64)  # there are fewer kinds
def _insert_of_values(
    dialect: str, table: sa.Table, names: tuple[str, ...], changed: tuple[str, ...]
) -> sa.Insert:
    values: Row = {name: sa.bindparam(name) for name in names}
    return _insert(dialect, table, values, lambda new: {name: new[name] for name in changed})


def _insert(
    dialect: str,
    table: sa.Table,
    values: Row | Sequence[Row],
    update: Callable[[NewValues], Mapping[str, Any]],
    unique: Sequence[str] = (),
) -> sa.Insert:
    """Return the insert; `update` returns the columns to set in an existing row, given the new values."""
    if dialect == "sqlite":
        key = list(unique) or [column.name for column in table.primary_key]
        added = sqlite.insert(table).values(values)
        return added.on_conflict_do_update(index_elements=key, set_=update(added.excluded))
    put = mysql.insert(table).values(values)
    return put.on_duplicate_key_update(update(put.inserted))
