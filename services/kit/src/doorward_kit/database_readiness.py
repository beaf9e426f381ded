"""Whether the database answers, with the schema that this release needs.

Apart from migrations.py: services check and do not migrate, and so need not load Alembic.
"""

import time
from collections.abc import Callable
from typing import Final

import sqlalchemy as sa
import structlog

from doorward_kit.database import error_text

log = structlog.get_logger(__name__)

_POLL_SECONDS: Final = 1.0


def schema_version_problem(connection: sa.Connection, version_table: str, required: str) -> str | None:
    """Return what the schema lacks for this release, or None. Revisions are consecutive numbers.

    A newer schema is no problem: every schema also serves the release before it.
    """
    try:
        found = connection.execute(sa.text(f"SELECT version_num FROM {version_table}")).scalar()  # noqa: S608 - a constant
    except (sa.exc.ProgrammingError, sa.exc.OperationalError) as error:
        if error.connection_invalidated:
            raise
        found = None
    if found is None or found < required:
        return f"The schema is at revision {found or 'none'}; {required} is needed. Run the migration."
    return None


def wait_for_database(
    engine: sa.Engine, seconds: float, problem: Callable[[sa.Connection], str | None] | None = None
) -> None:
    """Return when the database answers and `problem`, if given, finds none, or `seconds` later.

    Raises nothing: the caller's own next statement reports best what is missing.
    """
    deadline = time.monotonic() + seconds
    logged = None
    while (missing := _missing(engine, problem)) is not None and time.monotonic() < deadline:
        if missing != logged:
            log.info("database.waiting", detail=missing)
            logged = missing
        time.sleep(_POLL_SECONDS)


def _missing(engine: sa.Engine, problem: Callable[[sa.Connection], str | None] | None) -> str | None:
    try:
        with engine.connect() as connection:
            return None if problem is None else problem(connection)
    except sa.exc.DBAPIError as error:
        return error_text(error)
