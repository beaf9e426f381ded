"""Contents of test databases: a reset restores only the tables that were written since the last one.

Every statement of this process is observed, so after a test that only reads nothing is restored. Databases
with other writers are not watched, and all their tables are restored.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

Rows = Mapping[sa.Table, Sequence[Mapping[str, Any]]]
"""By table; a table that is missing is empty."""

EMPTY: Final[Rows] = {}

_READS: Final = re.compile(
    r"\s*(SELECT|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SET|PRAGMA|SHOW|EXPLAIN|ANALYZE)\b", re.IGNORECASE
)
_WRITES: Final = re.compile(
    r"\s*(?:INSERT|REPLACE|UPDATE|DELETE)\b(?:\s+(?:OR\s+\w+|IGNORE|INTO|FROM)\b)*\s+[`\"]?(\w+)",
    re.IGNORECASE,
)
_EVERYTHING: Final = "*"

_written: Final[dict[str, set[str]]] = {}
"""By watched database: the names of written tables, or `*`."""

_contents: Final[dict[str, Rows]] = {}
"""By watched database: its contents after the last reset."""


def watch(database_url: str) -> None:
    """Watch a database that only this process writes to."""
    _written.setdefault(_name(sa.make_url(database_url)), {_EVERYTHING})


def reset(engine: sa.Engine, metadata: sa.MetaData, rows: Rows) -> None:
    """Make a database contain exactly `rows`."""
    name = _name(engine.url)
    written = _written.get(name, {_EVERYTHING})
    before = _contents.get(name)
    if name in _written:
        _written[name] = (
            set()
        )  # cleared before reading, so that the next reset sees parallel writes of a worker
        _contents[name] = rows
    changed = [
        table
        for table in metadata.sorted_tables
        if before is None
        or not written.isdisjoint({table.name, _EVERYTHING})
        or before.get(table) != rows.get(table)
    ]
    if not changed:
        return
    tables = _with_dependents(metadata, changed)
    with engine.connect().execution_options(is_reset=True) as connection:
        connection.exec_driver_sql("BEGIN")
        for table in reversed(tables):
            connection.execute(sa.delete(table))
        for table in tables:
            if rows.get(table):
                connection.execute(sa.insert(table), list(rows[table]))
        connection.commit()


def take(engine: sa.Engine, metadata: sa.MetaData) -> Rows:
    """Return the contents of a database, for a later reset."""
    name = _name(engine.url)
    if name in _written:
        _written[name] = set()
    with engine.connect() as connection:
        found = {
            table: [dict(row) for row in connection.execute(sa.select(table)).mappings()]
            for table in metadata.sorted_tables
        }
    rows = {table: rows for table, rows in found.items() if rows}
    if name in _written:
        _contents[name] = rows
    return rows


def _with_dependents(metadata: sa.MetaData, changed: Sequence[sa.Table]) -> list[sa.Table]:
    """Return the tables and those that reference them with ON DELETE CASCADE, parents first."""
    found = set(changed)
    for table in metadata.sorted_tables:
        if any(key.column.table in found for key in table.foreign_keys):
            found.add(table)
    return [table for table in metadata.sorted_tables if table in found]


@sa.event.listens_for(sa.Engine, "before_cursor_execute")
def _note(connection: sa.Connection, _cursor: Any, statement: str, *_: Any) -> None:
    written = _written.get(_name(connection.engine.url))
    if written is None or _READS.match(statement) or connection.get_execution_options().get("is_reset"):
        return
    found = _WRITES.match(statement)
    written.add(found[1] if found else _EVERYTHING)


def _name(url: sa.URL) -> str:
    """Return a key of a database that is the same for all its accounts."""
    return str(url.database)
