"""Waiting for a database that is about to come: for commands that start beside it."""

import time
from collections.abc import Callable
from typing import Final

import sqlalchemy as sa
import structlog

from doorward_kit.database import error_text

log = structlog.get_logger(__name__)

_PAUSE_SECONDS: Final = 1.0


def wait_for_database(
    engine: sa.Engine, seconds: float, problem: Callable[[sa.Connection], str | None] | None = None
) -> None:
    """Return as soon as the database answers and `problem`, if given, finds none, or `seconds` later.

    Raises nothing: whoever needs the database says best what it lacks.
    """
    deadline = time.monotonic() + seconds
    said = None
    while (missing := _missing(engine, problem)) is not None and time.monotonic() < deadline:
        if missing != said:
            log.info("database.waiting", detail=missing)
            said = missing
        time.sleep(_PAUSE_SECONDS)


def _missing(engine: sa.Engine, problem: Callable[[sa.Connection], str | None] | None) -> str | None:
    try:
        with engine.connect() as connection:
            return None if problem is None else problem(connection)
    except sa.exc.DBAPIError as error:
        return error_text(error)
