"""Tools for races: held row locks, waiting for lock waits, and parallel requests."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from integration.harness.deployment import row_locked, rows_waited_for
from integration.harness.revocation_reads import HANG_SECONDS
from support.databases import Database

LOCK_SESSION: Final = "SELECT id FROM sessions WHERE id = %s FOR UPDATE"
LOCK_USER: Final = "SELECT id FROM users WHERE id = %s FOR UPDATE"

_PLACE_SECONDS: Final = 0.9
"""Less than the services' lock timeout, after which a request would lose its place in the queue."""

_ATTEMPTS: Final = 60

T = TypeVar("T")
Request = Coroutine[Any, Any, T]


class Handicap:
    """A delay for one side of a race, longer after each win and shorter after each defeat.

    It balances both orders on machines of any speed.
    """

    def __init__(self, seconds: float, *, seed: int) -> None:
        self._seconds = seconds
        self._chance = random.Random(seed)

    async def wait(self) -> None:
        """Wait for the current delay."""
        await asyncio.sleep(self._chance.uniform(0, self._seconds))

    def note(self, *, won: bool) -> None:
        """Record the result of a race."""
        self._seconds = min(max(self._seconds * (1.25 if won else 0.8), 0.001), 5.0)


async def until_rows_are_waited_for(database: Database, at_least: int) -> float:
    """Wait until `at_least` transactions wait for the lock of a row, or fail the test.

    Returns a moment, the latest known, when they were fewer.
    """
    fewer_at = time.monotonic()

    def are_there() -> bool:
        nonlocal fewer_at
        looked = time.monotonic()
        if rows_waited_for(database) >= at_least:
            return True
        fewer_at = looked
        return False

    await until(are_there, f"{at_least} waiting for a row")
    return fewer_at


async def in_line(database: Database, lock: str, key: bytes, *requests: Request[T]) -> list[T] | None:
    """Hold a row, let requests wait for it in this order, and release it; return their results.

    None if it took so long that the first may have lost its place, so that the order is unknown.
    """
    with row_locked(database, lock, key) as let_go:
        waiting, began = [], []
        async with asyncio.TaskGroup() as tasks:
            for number, request in enumerate(requests, 1):
                waiting.append(tasks.create_task(request))
                began.append(await until_rows_are_waited_for(database, number))
            let_go()
            is_known = time.monotonic() - began[0] < _PLACE_SECONDS
    return [task.result() for task in waiting] if is_known else None


async def until_in_line(attempt: Callable[[], Awaitable[T | None]]) -> T:
    """Repeat attempts, each with its own rows, until the order of one is known."""
    for _ in range(_ATTEMPTS):
        if (done := await attempt()) is not None:
            return done
    raise AssertionError(f"too slow for an order, {_ATTEMPTS} times")


async def until(condition: Callable[[], bool], what: str, seconds: float = HANG_SECONDS) -> None:
    """Repeat a check until it holds; fails the test if a check that began after the deadline does not."""
    began = looked = time.monotonic()
    while not condition():
        assert looked - began < seconds, f"not {what} within {seconds} s"
        await asyncio.sleep(0.02)
        looked = time.monotonic()


async def together(count: int, work: Callable[[int], Awaitable[T]], *, at_once: int) -> list[T]:
    """Call `work` for every number below `count`, `at_once` in parallel; return the results in order."""
    gate = asyncio.Semaphore(at_once)

    async def run_one(number: int) -> T:
        async with gate:
            return await work(number)

    # A task group cancels the others at the first failure, so that none reaches the next test.
    async with asyncio.TaskGroup() as tasks:
        done = [tasks.create_task(run_one(number)) for number in range(count)]
    return [task.result() for task in done]
