"""Transactions that refuse and commit: a refusal must not undo what it counted."""

from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa

from doorward_client.errors import DoorwardError
from doorward_kit.unit_of_work import Database

T = TypeVar("T")


async def write(database: Database, work: Callable[[sa.Connection], T | DoorwardError]) -> T:
    """Commit what `work` wrote; then raise the refusal that it returned, or return its result.

    A refusal that `work` raises is rolled back, as with Database.write.
    """
    outcome = await database.write(work)
    if isinstance(outcome, DoorwardError):
        raise outcome
    return outcome
