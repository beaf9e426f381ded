"""One loop runs every purge; one that deleted rows is repeated at once, a failing one affects no other."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from doorward_kit import cleanup
from doorward_kit.cleanup import BATCH_SIZE, CleanupTask
from doorward_kit.unit_of_work import Database

SMALL = 100
"""Rows in a batch of a purge that deletes fewer than it is asked for."""


class _NoDatabase:
    async def write(self, work: Callable[[Any], int]) -> int:
        return work(None)


class _Backlog:
    """A purge of a number of rows, with an event when none is left."""

    def __init__(self, rows: int, done: asyncio.Event, *, most: int = BATCH_SIZE) -> None:
        self.rows = rows
        self._done = done
        self._most = most

    def __call__(self, _connection: sa.Connection, /, *, count: int) -> int:
        deleted = min(self.rows, count, self._most)
        self.rows -= deleted
        if not self.rows:
            self._done.set()
        return deleted


def _failing(_connection: sa.Connection, /, *, count: int) -> int:
    raise RuntimeError(f"no {count} rows")


async def test_a_backlog_is_purged_at_once_though_another_purge_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cleanup, "INTERVAL_SECONDS", 0.01)
    done = asyncio.Event()
    backlog = _Backlog(3 * SMALL + 1, done, most=SMALL)
    task = CleanupTask(cast("Database", _NoDatabase()), {"broken": _failing, "expired": backlog})
    with capture_logs() as lines:
        running = asyncio.create_task(task.run())
        await asyncio.wait_for(done.wait(), 30)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert lines[0]["event"] == "cleanup.failed"
    assert lines[0]["purge"] == "broken"
    deleted = [(line["event"], line["rows"]) for line in lines if line["purge"] == "expired"]
    assert deleted == [("cleanup.deleted", rows) for rows in (*[SMALL] * 3, 1)]


async def test_one_run_deletes_one_batch_of_each() -> None:
    done = asyncio.Event()
    small, large = _Backlog(1, done), _Backlog(2 * BATCH_SIZE, done)
    task = CleanupTask(cast("Database", _NoDatabase()), {"small": small, "large": large})
    assert await task.run_once() == BATCH_SIZE
    assert (small.rows, large.rows) == (0, BATCH_SIZE)
