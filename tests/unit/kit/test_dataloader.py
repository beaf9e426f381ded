import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from doorward_client.errors import UnavailableError
from doorward_kit.dataloader import MAX_BATCH, DataLoader
from doorward_kit.metrics import Metrics


class FakeDatabase:
    """Counts the statements, and blocks them until released."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.failure: Exception | None = None
        self.reads = 0

    async def read(self, work: Callable[[Any], Any]) -> Any:
        self.reads += 1
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return work(None)

    def fetch(self, _connection: sa.Connection, keys: Sequence[int]) -> Mapping[int, str]:
        self.batches.append(list(keys))
        return {key: f"value {key}" for key in keys if key < 1000}


def visible_author_id(database: FakeDatabase) -> DataLoader[int, str]:
    return DataLoader("test", database, database.fetch, Metrics())  # type: ignore[arg-type]  # a fake


async def test_a_lone_caller_gets_the_value_or_none() -> None:
    database = FakeDatabase()
    database.gate.set()
    reader = visible_author_id(database)
    assert await reader.get(1) == "value 1"
    assert await reader.get(1001) is None


async def test_callers_during_a_read_share_the_next_statement() -> None:
    database = FakeDatabase()
    reader = visible_author_id(database)
    first = asyncio.create_task(reader.get(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = [asyncio.create_task(reader.get(key)) for key in (2, 3, 2)]
    await asyncio.sleep(0)
    database.gate.set()
    assert await asyncio.gather(first, *others) == ["value 1", "value 2", "value 3", "value 2"]
    assert database.batches == [[1], [2, 3]]


async def test_a_key_requested_during_a_read_is_read_again() -> None:
    """The caller may have just changed the row, and the running read can be older."""
    database = FakeDatabase()
    reader = visible_author_id(database)
    first = asyncio.create_task(reader.get(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    second = asyncio.create_task(reader.get(1))
    await asyncio.sleep(0)
    database.gate.set()
    await asyncio.gather(first, second)
    assert database.batches == [[1], [1]]


async def test_no_statement_has_too_many_keys() -> None:
    database = FakeDatabase()
    database.gate.set()
    reader = visible_author_id(database)
    await asyncio.gather(*(reader.get(key) for key in range(MAX_BATCH * 2 + 5)))
    assert max(len(batch) for batch in database.batches) <= MAX_BATCH
    assert sum(len(batch) for batch in database.batches) == MAX_BATCH * 2 + 5


async def test_a_failure_reaches_all_callers_and_the_next_read_works() -> None:
    database = FakeDatabase()
    database.gate.set()
    reader = visible_author_id(database)
    database.failure = RuntimeError("down")
    results = await asyncio.gather(reader.get(1), reader.get(2), return_exceptions=True)
    assert all(isinstance(result, RuntimeError) for result in results)
    database.failure = None
    assert await reader.get(1) == "value 1"


async def test_queued_callers_fail_with_the_running_read() -> None:
    database = FakeDatabase()
    database.failure = UnavailableError()
    reader = visible_author_id(database)
    first = asyncio.create_task(reader.get(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gathered = asyncio.create_task(reader.get(2))
    await asyncio.sleep(0)
    database.gate.set()
    results = await asyncio.gather(first, gathered, return_exceptions=True)
    assert [type(result) for result in results] == [UnavailableError, UnavailableError]
    assert database.reads == 1


async def test_a_cancelled_caller_does_not_affect_the_others() -> None:
    database = FakeDatabase()
    reader = visible_author_id(database)
    leaving, staying = asyncio.create_task(reader.get(1)), asyncio.create_task(reader.get(1))
    await asyncio.sleep(0)
    leaving.cancel()
    database.gate.set()
    assert await staying == "value 1"
    with pytest.raises(asyncio.CancelledError):
        await leaving
