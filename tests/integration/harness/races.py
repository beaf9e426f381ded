"""What races are made of: rows that somebody holds, waiting for those who wait, many at once."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from support.databases import Database

LOCK_SESSION: Final = "SELECT id FROM sessions WHERE id = %s FOR UPDATE"
LOCK_USER: Final = "SELECT id FROM users WHERE id = %s FOR UPDATE"

_QUEUED_SECONDS: Final = 0.9
"""Less than the services wait for a lock: those who wait keep their order."""

T = TypeVar("T")


async def until_rows_are_waited_for(database: Database, at_least: int) -> None:
    """Wait until so many transactions wait for the lock of a row, or fail the test."""

    def waiters() -> int:
        return int(database.execute("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'")[0][1])

    await until(lambda: waiters() >= at_least, _QUEUED_SECONDS, f"{at_least} waiting for a row")


async def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Look until it is so, or fail the test."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not {what} within {seconds} s"
        await asyncio.sleep(0.02)


async def together(count: int, work: Callable[[int], Awaitable[T]], *, at_once: int) -> list[T]:
    """Do `work` for every number below `count`, so many at a time; return the results in order."""
    gate = asyncio.Semaphore(at_once)

    async def one(number: int) -> T:
        async with gate:
            return await work(number)

    # A group ends the others with the first that fails, so that none meets the next test.
    async with asyncio.TaskGroup() as tasks:
        done = [tasks.create_task(one(number)) for number in range(count)]
    return [task.result() for task in done]
