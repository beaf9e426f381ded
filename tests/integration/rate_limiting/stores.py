"""The stores of the rate limits on each backend, whose clock tests move."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import redis
import sqlalchemy as sa
from pydantic import SecretStr

from doorward_auth.throttling import redis_store
from doorward_auth.throttling.limits import Subject
from doorward_auth.throttling.metrics import ThrottleMetrics
from doorward_auth.throttling.redis_store import PREFIX, RedisStore
from doorward_auth.throttling.stores import DatabaseStore, ThrottleStore
from doorward_common.metrics import Metrics
from doorward_common.migrations import migrate
from doorward_common.settings import DatabaseSettings
from doorward_common.unit_of_work import Database
from doorward_identity.schema import PACKAGE
from doorward_identity.tables import throttles
from integration.harness.races import until
from support.redis import Redis


class Aging(ABC):
    """A store, and the passing of time in it."""

    def __init__(self, store: ThrottleStore) -> None:
        self.store = store

    @abstractmethod
    async def age(self, subject: Subject, seconds: int) -> None:
        """Let so much time pass for a subject."""


class AgingDatabase(Aging):
    """Rows are moved back."""

    def __init__(self, database: Database) -> None:
        super().__init__(DatabaseStore(database))
        self.database = database

    async def age(self, subject: Subject, seconds: int) -> None:
        mine = throttles.c.subject == subject.key
        found = sa.select(throttles.c.forgotten_at, throttles.c.blocked_until).where(mine)

        def work(connection: sa.Connection) -> None:
            row = connection.execute(found).one_or_none()
            if row is not None:
                by = timedelta(seconds=seconds)
                earlier = {"forgotten_at": row[0] - by, "blocked_until": row[1] - by}
                connection.execute(throttles.update().where(mine).values(earlier))

        await self.database.write(work)


class AgingRedis(Aging):
    """Times in a key, and the time until it expires, are moved back."""

    def __init__(self, store: RedisStore, client: "redis.Redis") -> None:
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
async def redis_client(server: Redis) -> AsyncIterator["redis.Redis"]:
    client = redis.Redis.from_url(server.url)
    yield client
    client.close()


@asynccontextmanager
async def running(server: Redis) -> AsyncIterator[RedisStore]:
    """Give a store that has found its server."""
    metrics = Metrics()
    with pytest.MonkeyPatch.context() as patch:
        # What is tested here is how it counts: a busy machine must not look like a server that is away.
        patch.setattr(redis_store, "TIMEOUT_SECONDS", 10.0)
        store = RedisStore(server.url, metrics, ThrottleMetrics(metrics.registry))
    task = asyncio.create_task(store.run())
    try:
        connected = "doorward_throttle_redis_connected"
        await until(lambda: metrics.registry.get_sample_value(connected) == 1, "connected")
        yield store
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
