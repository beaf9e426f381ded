"""What a poller hears when it asks one auth process now and another one next."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
import uuid_utils.compat as uuid7s
from pydantic import SecretStr

from doorward_auth.revocations.log import RevocationLog
from doorward_common.database import create_engine
from doorward_common.metrics import Metrics
from doorward_common.migrations import migrate
from doorward_common.revocations.memory import Revocations
from doorward_common.settings import DatabaseSettings
from doorward_common.unit_of_work import Database as UnitsOfWork
from doorward_identity.revocations import DatabaseSource, revoke_session
from doorward_identity.schema import PACKAGE
from support.databases import Database, DatabaseServer


@pytest.fixture(scope="module")
def database(mariadb_server: DatabaseServer) -> Iterator[Database]:
    with mariadb_server.create_database("looks") as database:
        engine = create_engine(database.url, pool_size=1, timeout=30)
        migrate(engine, PACKAGE)
        engine.dispose()
        yield database


class Publisher:
    """The list as one auth process reads it and hands it on; a look is made when the test says so."""

    def __init__(self, database: Database) -> None:
        settings = DatabaseSettings(database_url=SecretStr(database.url), database_timeout_seconds=30.0)
        self.units = UnitsOfWork(settings, Metrics(), pool_size=1)
        self.source = DatabaseSource(self.units)
        self.revocations = Revocations()
        self.log = RevocationLog(self.revocations)
        self.cursor: str | None = None

    async def look(self) -> None:
        changes = await self.source.changes(self.cursor)
        self.cursor = changes.cursor
        self.log.add(self.revocations.apply(changes))

    @contextmanager
    def held_before_the_rows(self, then: Callable[[], None]) -> Iterator[None]:
        """Do something in the middle of the next look: its time is read, its rows are not."""

        def before(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if "FROM revocations" in statement:
                then()

        sa.event.listen(self.units.engine, "before_cursor_execute", before)
        yield
        sa.event.remove(self.units.engine, "before_cursor_execute", before)


@pytest.fixture
def publishers(database: Database) -> Iterator[tuple[Publisher, Publisher]]:
    both = Publisher(database), Publisher(database)
    yield both
    for one in both:
        one.units.dispose()


async def test_a_revocation_between_the_looks_of_two_is_heard_from_either(
    database: Database, publishers: tuple[Publisher, Publisher]
) -> None:
    """One looks while the other is in the middle of its look, and then somebody is revoked."""
    first, second = publishers
    for one in publishers:
        await one.look()
    revoked = uuid7s.uuid7()
    engine = create_engine(database.url, pool_size=1, timeout=30)

    def meanwhile() -> None:
        asyncio.run(first.look())  # in the thread of the second's look: it waits
        with engine.connect() as connection:
            revoke_session(connection, revoked.bytes, token_seconds=300)

    with second.held_before_the_rows(meanwhile):
        await second.look()
    engine.dispose()
    heard = first.log.since(None)
    assert revoked not in heard.sessions
    # The client that asked the first goes on with the second, which knows and must not think it told.
    assert revoked in second.revocations.everything().sessions
    assert revoked in second.log.since(heard.cursor).sessions
