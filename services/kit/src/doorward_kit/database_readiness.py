"""Whether the database answers, with the schema that this release needs.

Apart from migrations.py: services check and do not migrate, and so need not load Alembic.
"""

import time
from collections.abc import Callable, Iterable
from typing import Final

import sqlalchemy as sa
import structlog

from doorward_kit.database_errors import error_code, error_text

log = structlog.get_logger(__name__)

_POLL_SECONDS: Final = 1.0
_DENIED_CODES: Final = frozenset({1142, 1143})
"""MySQL's errors for a table, and a column, that the account may not read."""


def find_schema_problem(
    connection: sa.Connection, version_table: str, required: str, tables: Iterable[sa.Table]
) -> str | None:
    """Return what the schema lacks for this release, or None. Revisions are consecutive numbers.

    A newer schema is no problem: every schema also serves the release before it. The columns of `tables`
    are checked too: a partial restore, or a change by hand, leaves the revision as it is.
    """
    return schema_version_problem(connection, version_table, required) or _contents_problem(
        connection, tables
    )


def schema_version_problem(connection: sa.Connection, version_table: str, required: str) -> str | None:
    """Return how far behind the revision is, or None if it is the required one or newer."""
    try:
        found = connection.execute(sa.text(f"SELECT version_num FROM {version_table}")).scalar()  # noqa: S608 - a constant
    except (sa.exc.ProgrammingError, sa.exc.OperationalError) as error:
        if error.connection_invalidated:
            raise
        found = None
    if found is None or found < required:
        return f"The schema is at revision {found or 'none'}; {required} is needed. Run the migration."
    return None


def _contents_problem(connection: sa.Connection, tables: Iterable[sa.Table]) -> str | None:
    """Select no row of each table, which names each column.

    Tables that the account of this service may not read are those of another service.
    """
    for table in tables:
        try:
            connection.execute(sa.select(table).where(sa.false()))
        except (sa.exc.ProgrammingError, sa.exc.OperationalError) as error:
            if error.connection_invalidated:
                raise
            if error_code(error.orig) in _DENIED_CODES:
                continue
            log.error("schema.incomplete", table=table.name, reason=error_text(error))  # noqa: TRY400 - a trace adds nothing
            return (
                f"Table {table.name} is not what the schema's revision says: {error_text(error)}."
                " Restore the database, or undo the change."
            )
    return None


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
