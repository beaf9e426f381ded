"""The rules of waiting."""

from collections.abc import Sequence

import sqlalchemy as sa
import structlog

from doorward_auth.throttling import repository
from doorward_auth.throttling.errors import TooManyAttemptsError
from doorward_auth.throttling.limits import Subject

log = structlog.get_logger(__name__)


def require_no_wait(connection: sa.Connection, subjects: Sequence[Subject]) -> None:
    """Raise TooManyAttemptsError while one of the subjects has to wait."""
    seconds = repository.seconds_blocked(connection, subjects)
    if seconds > 0:
        log.info("attempt.throttled", limits=[subject.limit.name for subject in subjects])
        raise TooManyAttemptsError(seconds)


def strike(connection: sa.Connection, subjects: Sequence[Subject]) -> None:
    """Count one more for each subject, in one order for all callers."""
    for subject in sorted(subjects, key=lambda one: one.key):
        repository.strike(connection, subject)


def spend(connection: sa.Connection, subjects: Sequence[Subject]) -> None:
    """Take one from each subject's budget; raises TooManyAttemptsError when one is used up."""
    require_no_wait(connection, subjects)
    strike(connection, subjects)
