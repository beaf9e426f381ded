"""Inserts many rows as one JSON text, which MariaDB and MySQL read as a table.

PyMySQL writes every value into the statement in Python: of an import, that took more time than everything
else together. SQLite binds values by itself.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from doorward_kit.column_types import UtcDateTime, Uuid

_DIALECT: Final = mysql.dialect()


class _Insert(NamedTuple):
    statement: sa.TextClause
    writers: Sequence[tuple[int, Callable[[Any], object]]]
    """The positions of values that JSON has no type for, and what writes them."""


def insert_rows(
    connection: sa.Connection, table: sa.Table, names: tuple[str, ...], rows: Sequence[Sequence[Any]]
) -> None:
    """Insert rows with values for the named columns; a batch of them, as the text has a limit of megabytes.

    Columns are texts, integers, booleans, `Uuid` and `UtcDateTime`.
    """
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in rows])
        return
    statement, writers = _insert(table, names)
    written = [list(row) for row in rows]
    for row in written:
        for index, write in writers:
            if row[index] is not None:
                row[index] = write(row[index])
    # As digits, of which PyMySQL escapes none: it would take longer over the quotes than over all the rest.
    connection.execute(statement, {"rows": orjson.dumps(written).hex()})


@lru_cache(maxsize=64)
def _insert(table: sa.Table, names: tuple[str, ...]) -> _Insert:
    columns = [table.c[name] for name in names]
    read = ", ".join(f"{_type_of(column)} PATH '$[{index}]'" for index, column in enumerate(columns))
    selected = ", ".join(
        f"UNHEX(given.{column.name})" if isinstance(column.type, Uuid) else f"given.{column.name}"
        for column in columns
    )
    statement = (
        f"INSERT INTO {table.name} ({', '.join(names)})"  # noqa: S608 - names of our own columns
        f" SELECT {selected}"
        f" FROM JSON_TABLE(CONVERT(UNHEX(:rows) USING utf8mb4), '$[*]' COLUMNS ({read})) AS given"
    )
    writers = [(index, writer) for index, column in enumerate(columns) if (writer := _writer_of(column))]
    return _Insert(sa.text(statement), writers)


def _type_of(column: sa.Column[Any]) -> str:
    if isinstance(column.type, Uuid):
        return f"{column.name} CHAR(32)"
    return f"{column.name} {column.type.compile(_DIALECT)}"


def _writer_of(column: sa.Column[Any]) -> Callable[[Any], object] | None:
    if isinstance(column.type, Uuid):
        return lambda value: value.hex
    return _datetime_text if isinstance(column.type, UtcDateTime) else None


@lru_cache(maxsize=16)
def _datetime_text(value: datetime) -> str:
    """Write a time as the database does; many rows have the same."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")
