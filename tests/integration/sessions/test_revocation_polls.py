"""A verifier that polls two auth processes in turn misses no revocation."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
import uuid_utils.compat as uuid7s
from pydantic import SecretStr

from doorward_auth.revocation_feed.service import RevocationFeed
from doorward_client.revocations.models import RevocationListResponse
from doorward_client.revocations.revocation_list import RevocationList
from doorward_identity.schema import PACKAGE
from doorward_identity.token_revocation import DatabaseRevocationSource, revoke_session
from doorward_kit.database import create_engine
from doorward_kit.metrics import Metrics
from doorward_kit.settings import DatabaseSettings
from doorward_kit.unit_of_work import Database as UnitsOfWork
from integration.harness.databases import migrate_all
from support.databases import Database, DatabaseServer


@pytest.fixture(scope="module")
def database(mariadb_server: DatabaseServer) -> Iterator[Database]:
    with mariadb_server.create_database("polls") as database:
        migrate_all(database.url, PACKAGE)
        yield database


class Replica:
    """The list as one auth process reads and serves it; the test triggers its polls."""

    def __init__(self, database: Database) -> None:
        settings = DatabaseSettings(database_url=SecretStr(database.url), database_timeout_seconds=30.0)
        self.units = UnitsOfWork(settings, Metrics(), pool_size=1)
        self.source = DatabaseRevocationSource(self.units, max_age=10.0)
        self.revocations = RevocationList()
        self.feed = RevocationFeed(self.revocations, issuer="doorward", audience="doorward")

    async def poll(self) -> None:
        self.revocations.apply(await self.source.fetch())

    @contextmanager
    def held_before_the_rows(self, then: Callable[[], None]) -> Iterator[None]:
        """Call `then` during the next poll, after its time and before its rows are read."""

        def before(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if "FROM revocations" in statement:
                then()

        sa.event.listen(self.units.engine, "before_cursor_execute", before)
        yield
        sa.event.remove(self.units.engine, "before_cursor_execute", before)


@pytest.fixture
def replicas(database: Database) -> Iterator[tuple[Replica, Replica]]:
    both = Replica(database), Replica(database)
    yield both
    for one in both:
        one.units.dispose()


async def test_a_revocation_between_the_polls_of_two_replicas_is_served_by_either(
    database: Database, replicas: tuple[Replica, Replica]
) -> None:
    """One replica polls during the poll of the other, and then a session is revoked."""
    first, second = replicas
    for replica in replicas:
        await replica.poll()
    revoked = uuid7s.uuid7()
    engine = create_engine(database.url, pool_size=1, timeout=30)

    def meanwhile() -> None:
        asyncio.run(first.poll())  # in the thread of the second replica's poll, which waits
        with engine.connect() as connection:
            revoke_session(connection, revoked, token_seconds=300)

    with second.held_before_the_rows(meanwhile):
        await second.poll()
    engine.dispose()
    # A verifier that polled the first continues with the second, and must not get 304 there.
    assert second.feed.etag != first.feed.etag
    assert revoked in RevocationListResponse.parse(second.feed.render()).entries.sessions
    await first.poll()
    assert first.feed.etag == second.feed.etag
