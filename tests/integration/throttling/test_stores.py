"""Every store counts by the same rules: on SQLite, on MariaDB and in Redis, against plain arithmetic."""

import asyncio
import random
import secrets
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
import sqlalchemy as sa
from pydantic import SecretStr

from doorward_auth.rate_limiting import redis_backend, repository
from doorward_auth.rate_limiting.algorithms import Backoff, Budget, Record
from doorward_auth.rate_limiting.backends import DatabaseBackend, RateLimitBackend
from doorward_auth.rate_limiting.limits import Subject
from doorward_auth.rate_limiting.metrics import RateLimitMetrics
from doorward_auth.rate_limiting.redis_backend import PREFIX, RedisBackend
from doorward_identity.schema import PACKAGE
from doorward_identity.tables import rate_limits
from doorward_kit.metrics import Metrics
from doorward_kit.migrations import migrate
from doorward_kit.settings import DatabaseSettings
from doorward_kit.unit_of_work import Database
from integration.harness.races import together, until
from support.databases import DatabaseServer
from support.redis import Redis

# Large numbers: the seconds that a test takes are nothing beside them.
BACKOFF = Backoff("test-backoff", 3, memory=9_000, first_wait=500, longest_wait=3_000)
BUDGET = Budget("test-budget", 4, memory=6_000)
SLACK = 60.0


class Aging(ABC):
    """A store, and the passing of time in it."""

    def __init__(self, store: RateLimitBackend) -> None:
        self.store = store

    @abstractmethod
    async def age(self, subject: Subject, seconds: int) -> None:
        """Let so much time pass for a subject."""


class AgingDatabase(Aging):
    """Rows are moved back."""

    def __init__(self, database: Database) -> None:
        super().__init__(DatabaseBackend(database))
        self.database = database

    async def age(self, subject: Subject, seconds: int) -> None:
        mine = rate_limits.c.key_hash == subject.key
        found = sa.select(rate_limits.c.expires_at, rate_limits.c.blocked_until).where(mine)

        def work(connection: sa.Connection) -> None:
            row = connection.execute(found).one_or_none()
            if row is not None:
                by = timedelta(seconds=seconds)
                earlier = {"expires_at": row[0] - by, "blocked_until": row[1] - by}
                connection.execute(rate_limits.update().where(mine).values(earlier))

        await self.database.write(work)


class AgingRedis(Aging):
    """Times in a key, and the time until it expires, are moved back."""

    def __init__(self, store: RedisBackend, client: "redis.Redis") -> None:
        super().__init__(store)
        self.client = client

    async def age(self, subject: Subject, seconds: int) -> None:
        key = PREFIX + subject.key.hex().encode()
        until = self.client.hget(key, "until")
        if until is None:
            return
        left = int(self.client.pttl(key)) - 1000 * seconds
        if left <= 0:
            self.client.delete(key)
            return
        self.client.hset(key, "until", int(until) - 1000 * seconds)
        self.client.pexpire(key, left)


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with Redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["sqlite", "mariadb", "redis"])
async def aging(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Aging]:
    if request.param == "redis":
        server: Redis = request.getfixturevalue("redis_server")
        async with running(server) as store, _client(server) as client:
            yield AgingRedis(store, client)
    elif request.param == "sqlite":
        with closing(database_at(f"sqlite:///{tmp_path}/rate_limits.db")) as opened:
            yield AgingDatabase(opened.database)
    else:
        mariadb: DatabaseServer = request.getfixturevalue("mariadb_server")
        with mariadb.create_database("stores") as made, closing(database_at(made.url)) as opened:
            yield AgingDatabase(opened.database)


class database_at:  # noqa: N801 - used as a function
    """A migrated database, to be closed."""

    def __init__(self, url: str) -> None:
        settings = DatabaseSettings(
            database_url=SecretStr(url), database_pool_size=8, database_timeout_seconds=20.0
        )
        self.database = Database(settings, Metrics())
        migrate(self.database.engine, PACKAGE)

    def close(self) -> None:
        self.database.dispose()


@asynccontextmanager
async def _client(server: Redis) -> AsyncIterator["redis.Redis"]:
    client = redis.Redis.from_url(server.url)
    yield client
    client.close()


@asynccontextmanager
async def running(server: Redis) -> AsyncIterator[RedisBackend]:
    """Give a store that has found its server."""
    metrics = Metrics()
    with pytest.MonkeyPatch.context() as patch:
        # What is tested here is how it counts: a busy machine must not look like a server that is away.
        patch.setattr(redis_backend, "TIMEOUT_SECONDS", 10.0)
        store = RedisBackend(server.url, metrics, RateLimitMetrics(metrics.registry))
    task = asyncio.create_task(store.run())
    try:
        connected = "doorward_rate_limit_redis_connected"
        await until(lambda: metrics.registry.get_sample_value(connected) == 1, 10, "connected")
        yield store
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def subjects_of_mine(*limits: Backoff | Budget) -> list[Subject]:
    return [Subject.of(limit, secrets.token_hex(8)) for limit in limits]


class Model:
    """The rules on a clock that only tests move."""

    def __init__(self) -> None:
        self.now = datetime(2030, 1, 1, tzinfo=UTC)
        self.records: dict[bytes, Record] = {}

    def waits(self, subjects: Sequence[Subject]) -> list[float]:
        return [self._wait(self.records.get(subject.key)) for subject in subjects]

    def counts(self, subjects: Sequence[Subject]) -> list[int]:
        found = (self.records.get(subject.key) for subject in subjects)
        return [record.count if record and record.expires_at > self.now else 0 for record in found]

    def claim(self, subjects: Sequence[Subject], *, counts: bool) -> list[float]:
        waits = self.waits(subjects)
        if counts and not any(waits):
            for subject in subjects:
                before = self.records.get(subject.key)
                self.records[subject.key] = subject.limit.after(before, self.now)
        return waits

    def is_close(self, record: Record) -> bool:
        """Tell whether a second more or less would decide."""
        times = (record.blocked_until, record.expires_at)
        return any(0 < abs((one - self.now).total_seconds()) < SLACK for one in times)

    def _wait(self, record: Record | None) -> float:
        return 0.0 if record is None else max(0.0, (record.blocked_until - self.now).total_seconds())


@pytest.mark.parametrize("seed", range(6))
async def test_store_does_as_the_rules_say(aging: Aging, seed: int) -> None:
    chance = random.Random(seed)
    model = Model()
    subjects = subjects_of_mine(BACKOFF, BUDGET, BACKOFF)
    refused = granted = 0
    for _ in range(120):
        if chance.random() < 0.3:
            seconds = chance.choice([100, 500, 1_000, 2_000, 4_000, 10_000])
            model.now += timedelta(seconds=seconds)
            for subject in subjects:
                await aging.age(subject, seconds)
        if any(model.is_close(record) for record in model.records.values()):
            continue
        asked = chance.sample(subjects, chance.choice([1, 1, 2, 3]))
        counts = chance.random() < 0.8
        expected = model.claim(asked, counts=counts)
        got = await aging.store.claim(asked, counts=counts)
        assert list(got) == pytest.approx(expected, abs=SLACK / 2)
        assert [wait > 0 for wait in got] == [wait > 0 for wait in expected]
        looked = await aging.store.waits(subjects)
        assert list(looked) == pytest.approx(model.waits(subjects), abs=SLACK / 2)
        assert list(await aging.store.counts(subjects)) == model.counts(subjects)
        refused += any(expected)
        granted += not any(expected)
    assert refused > 10
    assert granted > 10


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("limit", [BACKOFF, BUDGET])
async def test_claims_at_once_are_granted_one_after_the_other(
    aging: Aging, limit: Backoff | Budget, before: int
) -> None:
    """Also where nobody has claimed before, and so there is nothing yet that could be locked."""
    [subject] = subjects_of_mine(limit)
    for _ in range(before):
        await aging.store.claim([subject], counts=True)
    claims = await together(100, lambda _: aging.store.claim([subject], counts=True), at_once=100)
    granted = sum(not any(waits) for waits in claims)
    assert granted + before == (limit.free + 1 if isinstance(limit, Backoff) else limit.free)


async def test_refused_claim_counts_for_nobody(aging: Aging) -> None:
    blocked, free = subjects_of_mine(BUDGET, BUDGET)
    for _ in range(BUDGET.free):
        assert list(await aging.store.claim([blocked], counts=True)) == [0]
    for _ in range(10):
        waits = await aging.store.claim([free, blocked], counts=True)
        assert waits[0] == 0
        assert waits[1] == pytest.approx(BUDGET.memory, abs=SLACK)
    for _ in range(BUDGET.free):
        assert list(await aging.store.claim([free], counts=True)) == [0]


async def test_claim_that_does_not_count_leaves_nothing_behind(aging: Aging) -> None:
    subjects = subjects_of_mine(BACKOFF, BUDGET)
    for _ in range(20):
        assert list(await aging.store.claim(subjects, counts=False)) == [0, 0]
    if isinstance(aging, AgingRedis):
        assert not [one for one in subjects if aging.client.exists(PREFIX + one.key.hex().encode())]
    elif isinstance(aging, AgingDatabase):
        keys = [subject.key for subject in subjects]
        found = sa.select(sa.func.count()).where(rate_limits.c.key_hash.in_(keys))
        assert await aging.database.read(lambda c: c.execute(found).scalar_one()) == 0


@pytest.mark.parametrize("aging", ["sqlite", "mariadb"], indirect=True)
async def test_sweeping_takes_what_is_forgotten_and_nothing_else(aging: Aging) -> None:
    assert isinstance(aging, AgingDatabase)
    old, young = subjects_of_mine(*[BUDGET] * 7), subjects_of_mine(*[BUDGET] * 3)
    for subject in [*old, *young]:
        await aging.store.claim([subject], counts=True)
    for subject in old:
        await aging.age(subject, BUDGET.memory)

    async def sweep() -> int:
        return await aging.database.write(lambda connection: repository.delete_expired(connection, 5))

    assert [await sweep(), await sweep(), await sweep()] == [5, 2, 0]
    left = await aging.database.read(lambda c: set(c.execute(sa.select(rate_limits.c.key_hash)).scalars()))
    assert left == {subject.key for subject in young}


@pytest.mark.parametrize("aging", ["mariadb"], indirect=True)
async def test_sweeping_passes_over_what_is_in_use(aging: Aging) -> None:
    """Whoever counts holds its row: sweeping neither waits for it nor takes it away."""
    assert isinstance(aging, AgingDatabase)
    held, free = subjects_of_mine(BUDGET, BUDGET)
    for subject in (held, free):
        await aging.store.claim([subject], counts=True)
        await aging.age(subject, BUDGET.memory)
    with aging.database.engine.connect() as holder:
        holder.exec_driver_sql("BEGIN")
        holder.execute(sa.select(rate_limits).where(rate_limits.c.key_hash == held.key).with_for_update())
        assert await aging.database.write(lambda connection: repository.delete_expired(connection, 5)) == 1
        holder.rollback()
    assert await aging.database.write(lambda connection: repository.delete_expired(connection, 5)) == 1


@pytest.mark.parametrize("aging", ["mariadb"], indirect=True)
async def test_claims_of_different_people_do_not_wait_for_each_other(aging: Aging) -> None:
    """Also in a table so small that the database would rather read all of it."""
    assert isinstance(aging, AgingDatabase)
    mine, other, *_ = everybody = subjects_of_mine(*[BUDGET] * 6)
    for subject in everybody:
        await aging.store.claim([subject], counts=True)
    with aging.database.engine.connect() as holder:
        holder.exec_driver_sql("BEGIN")
        holder.execute(sa.select(rate_limits).where(rate_limits.c.key_hash == other.key).with_for_update())
        pair = [mine, everybody[-1]]
        waits: Any = await asyncio.wait_for(aging.store.claim(pair, counts=True), 0.8)
        assert list(waits) == [0, 0]
        holder.rollback()
