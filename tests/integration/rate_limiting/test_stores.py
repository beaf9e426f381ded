"""The limiter follows its algorithms on SQLite and MariaDB, also with parallel requests."""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from doorward_auth.rate_limiting.limiter import AuthRateLimiter
from doorward_identity.errors import TooManyAttemptsError
from doorward_identity.schema import PACKAGE
from doorward_identity.tables import rate_limits
from doorward_kit.metrics import Metrics
from doorward_kit.migrations import migrate
from doorward_kit.rate_limiting import repository
from doorward_kit.rate_limiting.limits import ExponentialBackoff, FixedWindow, LimitKey, Record
from doorward_kit.settings import DatabaseSettings
from doorward_kit.unit_of_work import Database
from integration.harness.races import together
from support.databases import DatabaseServer

# Long times, so that the duration of a test does not matter.
BACKOFF = ExponentialBackoff("test-backoff", 3, memory=9_000, first_wait=500, longest_wait=3_000)
WINDOW = FixedWindow("test-window", 4, memory=6_000)
SLACK = 60.0


class Limits:
    """A limiter on a database whose time a test can move."""

    def __init__(self, url: str) -> None:
        settings = DatabaseSettings(
            database_url=SecretStr(url), database_pool_size=8, database_timeout_seconds=20.0
        )
        self.metrics = Metrics()
        self.limiter = AuthRateLimiter(self.metrics)
        self.database = Database(settings, self.metrics)
        migrate(self.database.engine, PACKAGE)

    async def acquire(self, keys: Sequence[LimitKey], *, record_attempt: bool = True) -> int:
        """Acquire in a transaction; return the seconds to wait, 0 if granted."""
        try:
            await self.database.write(
                lambda connection: self.limiter.acquire(
                    connection, keys if record_attempt else [], uncounted=[] if record_attempt else keys
                )
            )
        except TooManyAttemptsError as error:
            return int((error.headers or {})["Retry-After"])
        return 0

    async def find(self, keys: Sequence[LimitKey]) -> repository.Records:
        return await self.database.read(lambda connection: repository.find(connection, rate_limits, keys))

    async def age(self, key: LimitKey, seconds: int) -> None:
        """Let time pass for a key."""
        mine = rate_limits.c.key_hash == key.hash
        found = sa.select(rate_limits.c.expires_at, rate_limits.c.blocked_until).where(mine)

        def work(connection: sa.Connection) -> None:
            row = connection.execute(found).one_or_none()
            if row is not None:
                by = timedelta(seconds=seconds)
                earlier = {"expires_at": row[0] - by, "blocked_until": row[1] - by}
                connection.execute(rate_limits.update().where(mine).values(earlier))

        await self.database.write(work)


@pytest.fixture(params=["sqlite", "mariadb"])
async def limits(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Limits]:
    if request.param == "sqlite":
        opened = Limits(f"sqlite:///{tmp_path}/rate_limits.db")
        yield opened
        opened.database.dispose()
        return
    mariadb: DatabaseServer = request.getfixturevalue("mariadb_server")
    with mariadb.create_database("limits") as made:
        opened = Limits(made.url)
        yield opened
        opened.database.dispose()


def delete_five(connection: sa.Connection) -> int:
    return repository.delete_expired(connection, table=rate_limits, count=5)


def new_keys(*limits: ExponentialBackoff | FixedWindow) -> list[LimitKey]:
    return [LimitKey.of(limit, secrets.token_hex(8)) for limit in limits]


class Model:
    """A model of the limiter with a clock that only tests move."""

    def __init__(self) -> None:
        self.now = datetime(2030, 1, 1, tzinfo=UTC)
        self.records: dict[bytes, Record] = {}

    def waits(self, keys: Sequence[LimitKey]) -> list[float]:
        return [self._wait(self.records.get(key.hash)) for key in keys]

    def counts(self, keys: Sequence[LimitKey]) -> list[int]:
        found = (self.records.get(key.hash) for key in keys)
        return [record.count if record and record.expires_at > self.now else 0 for record in found]

    def acquire(self, keys: Sequence[LimitKey], *, record_attempt: bool) -> float:
        wait = max(self.waits(keys))
        if record_attempt and not wait:
            for key in keys:
                self.records[key.hash] = key.limit.after(self.records.get(key.hash), self.now)
        return wait

    def is_close(self, record: Record) -> bool:
        """Whether a second more or less would change the result."""
        times = (record.blocked_until, record.expires_at)
        return any(0 < abs((moment - self.now).total_seconds()) < SLACK for moment in times)

    def _wait(self, record: Record | None) -> float:
        return 0.0 if record is None else max(0.0, (record.blocked_until - self.now).total_seconds())


@pytest.mark.parametrize("seed", range(6))
async def test_the_limiter_agrees_with_a_model(limits: Limits, seed: int) -> None:
    chance = random.Random(seed)
    model = Model()
    keys = new_keys(BACKOFF, WINDOW, BACKOFF)
    rejected = granted = 0
    for _ in range(120):
        if chance.random() < 0.3:
            seconds = chance.choice([100, 500, 1_000, 2_000, 4_000, 10_000])
            model.now += timedelta(seconds=seconds)
            for key in keys:
                await limits.age(key, seconds)
        if any(model.is_close(record) for record in model.records.values()):
            continue
        asked = chance.sample(keys, chance.choice([1, 1, 2, 3]))
        record_attempt = chance.random() < 0.8
        expected = model.acquire(asked, record_attempt=record_attempt)
        got = await limits.acquire(asked, record_attempt=record_attempt)
        assert got == pytest.approx(expected, abs=SLACK / 2)
        assert (got > 0) is (expected > 0)
        records = await limits.find(keys)
        waits = [records.remaining_wait(key) for key in keys]
        assert waits == pytest.approx(model.waits(keys), abs=SLACK / 2)
        assert [records.attempt_count(key) for key in keys] == model.counts(keys)
        rejected += expected > 0
        granted += not expected
    assert rejected > 10
    assert granted > 10


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("limit", [BACKOFF, WINDOW])
async def test_parallel_requests_are_granted_one_after_the_other(
    limits: Limits, limit: ExponentialBackoff | FixedWindow, before: int
) -> None:
    """Also for a key without a row that could be locked."""
    keys = new_keys(limit)
    for _ in range(before):
        await limits.acquire(keys)
    waits = await together(100, lambda _: limits.acquire(keys), at_once=100)
    granted = sum(wait == 0 for wait in waits)
    assert granted + before == (limit.free + 1 if isinstance(limit, ExponentialBackoff) else limit.free)


async def test_a_rejected_request_is_counted_for_no_key(limits: Limits) -> None:
    blocked, free = new_keys(WINDOW, WINDOW)
    for _ in range(WINDOW.free):
        assert await limits.acquire([blocked]) == 0
    for _ in range(10):
        assert await limits.acquire([free, blocked]) == pytest.approx(WINDOW.memory, abs=SLACK)
    for _ in range(WINDOW.free):
        assert await limits.acquire([free]) == 0


async def test_a_rejection_rolls_the_transaction_back(limits: Limits) -> None:
    blocked, other = new_keys(WINDOW, WINDOW)
    for _ in range(WINDOW.free):
        await limits.acquire([blocked])

    def work(connection: sa.Connection) -> None:
        limits.limiter.acquire(connection, [other])
        limits.limiter.acquire(connection, [blocked])

    with pytest.raises(TooManyAttemptsError):
        await limits.database.write(work)
    assert (await limits.find([other])).attempt_count(other) == 0


async def test_a_check_without_an_attempt_stores_no_row(limits: Limits) -> None:
    keys = new_keys(BACKOFF, WINDOW)
    for _ in range(20):
        assert await limits.acquire(keys, record_attempt=False) == 0
    assert (await limits.find(keys)).by_hash == {}


async def test_hits_and_rejections_are_metrics(limits: Limits) -> None:
    def sample(name: str, limit: str) -> float:
        return (
            limits.metrics.registry.get_sample_value(f"doorward_rate_limit_{name}_total", {"limit": limit})
            or 0
        )

    keys = new_keys(BACKOFF, WINDOW)
    for _ in range(WINDOW.free):
        await limits.acquire(keys)
    await limits.acquire(keys, record_attempt=False)
    with pytest.raises(TooManyAttemptsError):
        await limits.database.read(lambda connection: limits.limiter.check(connection, keys[1:]))
    assert [sample("hits", name) for name in ("test-backoff", "test-window")] == [4, 4]
    assert [sample("rejections", name) for name in ("test-backoff", "test-window")] == [1, 2]


async def test_cleanup_deletes_only_expired_rows(limits: Limits) -> None:
    old, young = new_keys(*[WINDOW] * 7), new_keys(*[WINDOW] * 3)
    for key in [*old, *young]:
        await limits.acquire([key])
    for key in old:
        await limits.age(key, WINDOW.memory)

    assert [await limits.database.write(delete_five) for _ in range(3)] == [5, 2, 0]
    left = await limits.database.read(lambda c: set(c.execute(sa.select(rate_limits.c.key_hash)).scalars()))
    assert left == {key.hash for key in young}


@pytest.mark.parametrize("limits", ["mariadb"], indirect=True)
async def test_cleanup_skips_locked_rows(limits: Limits) -> None:
    held, free = new_keys(WINDOW, WINDOW)
    for key in (held, free):
        await limits.acquire([key])
        await limits.age(key, WINDOW.memory)
    with limits.database.engine.connect() as holder:
        holder.exec_driver_sql("BEGIN")
        holder.execute(sa.select(rate_limits).where(rate_limits.c.key_hash == held.hash).with_for_update())
        assert await limits.database.write(delete_five) == 1
        holder.rollback()
    assert await limits.database.write(delete_five) == 1


@pytest.mark.parametrize("limits", ["mariadb"], indirect=True)
async def test_different_keys_do_not_wait_for_each_other(limits: Limits) -> None:
    """Also in a table that is small enough for a table scan."""
    mine, other, *_ = keys = new_keys(*[WINDOW] * 6)
    for key in keys:
        await limits.acquire([key])
    with limits.database.engine.connect() as holder:
        holder.exec_driver_sql("BEGIN")
        holder.execute(sa.select(rate_limits).where(rate_limits.c.key_hash == other.hash).with_for_update())
        assert await asyncio.wait_for(limits.acquire([mine, keys[-1]]), 0.8) == 0
        holder.rollback()
