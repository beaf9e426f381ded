"""Insert, or change what is there, in one statement that two callers may run at once."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, sqlite


def upsert(
    connection: sa.Connection,
    table: sa.Table,
    values: Mapping[str, Any],
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
    if connection.dialect.name == "sqlite":
        key = [column.name for column in table.primary_key]
        statement = sqlite.insert(table).values(values)
        connection.execute(statement.on_conflict_do_update(index_elements=key, set_=fresh))
    else:
        connection.execute(mysql.insert(table).values(values).on_duplicate_key_update(fresh))
