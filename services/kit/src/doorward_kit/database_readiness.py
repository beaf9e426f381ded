"""Whether the database answers, with the schema that this release needs.

Apart from migrations.py: services check and do not migrate, and so need not load Alembic.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa
import structlog

from doorward_kit.database_errors import error_code, error_text

log = structlog.get_logger(__name__)

_POLL_SECONDS: Final = 1.0
_DENIED_CODES: Final = frozenset({1142, 1143})
"""MySQL's errors for a table, and a column, that the account may not read."""

Columns = Sequence[sa.Column[Any]]
"""Columns of one table that a service reads."""


def all_columns(tables: Iterable[sa.Table]) -> list[Columns]:
    """Return every column of each table."""
    return [list(table.c) for table in tables]


def find_schema_problem(
    connection: sa.Connection, version_table: str, required: str, read: Iterable[Columns]
) -> str | None:
    """Return what this release lacks in the database, or None. Revisions are consecutive numbers.

    A newer schema is no problem: every schema also serves the release before it. The columns that the
    service reads are checked, too: a partial restore, or a change by hand, leaves the revision as it is,
    and grants are made after the migration.
    """
    return schema_version_problem(connection, version_table, required) or _contents_problem(connection, read)


def schema_version_problem(connection: sa.Connection, version_table: str, required: str) -> str | None:
    """Return how far behind the revision is, or None if it is the required one or newer."""
    try:
        found = connection.execute(sa.text(f"SELECT version_num FROM {version_table}")).scalar()  # noqa: S608 - a constant
    except (sa.exc.ProgrammingError, sa.exc.OperationalError) as error:
        if error.connection_invalidated:
            raise
        if error_code(error.orig) in _DENIED_CODES:
            return _missing_grant(version_table)
        found = None
    if found is None or found < required:
        return f"The schema is at revision {found or 'none'}; {required} is needed. Run the migration."
    return None


def _contents_problem(connection: sa.Connection, read: Iterable[Columns]) -> str | None:
    """Select no row of each table, which names each column, and needs the privilege to read it."""
    for columns in read:
        table = columns[0].table
        assert isinstance(table, sa.Table)
        try:
            connection.execute(sa.select(*columns).where(sa.false()))
        except (sa.exc.ProgrammingError, sa.exc.OperationalError) as error:
            if error.connection_invalidated:
                raise
            if error_code(error.orig) in _DENIED_CODES:
                names = [column.name for column in columns]
                return _missing_grant(table.name, names if len(names) < len(table.c) else ())
            log.error("schema.incomplete", table=table.name, reason=error_text(error))  # noqa: TRY400 - a trace adds nothing
            return (
                f"Table {table.name} is not what the schema's revision says: {error_text(error)}."
                " Restore the database, or undo the change."
            )
    return None


def _missing_grant(table: str, columns: Iterable[str] = ()) -> str:
    names = ", ".join(columns)
    grant = f"SELECT ({names}) ON {table}" if names else f"SELECT ON {table}"
    log.error("schema.grant_missing", table=table, grant=grant)
    return f"The database account lacks a privilege: GRANT {grant}. Grant those of this release."


def wait_for_database(
    engine: sa.Engine, seconds: float, problem: Callable[[sa.Connection], str | None] | None = None
) -> None:
    """Return when the database answers and `problem`, if given, finds none, or `seconds` later.

    Raises nothing: the caller's own next statement reports best what is missing.
    """
    deadline = time.monotonic() + seconds
    logged = None
    while (missing := _schema_problem(engine, problem)) is not None and time.monotonic() < deadline:
        if missing != logged:
            log.info("database.waiting", detail=missing)
            logged = missing
        time.sleep(_POLL_SECONDS)


def _schema_problem(engine: sa.Engine, problem: Callable[[sa.Connection], str | None] | None) -> str | None:
    try:
        with engine.connect() as connection:
            return None if problem is None else problem(connection)
    except sa.exc.DBAPIError as error:
        return error_text(error)
