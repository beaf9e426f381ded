"""The revocation list is as old as the data that the database shows, which a heartbeat tells."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from doorward_client.revocations.revocation_list import RevocationList, StalePolicy, StaleRevocationsError
from doorward_identity.data_age import DataAge
from doorward_identity.schema import PACKAGE
from doorward_identity.sentinels import Sentinel, write, write_heartbeat
from doorward_identity.tables import sentinels
from doorward_identity.token_revocation import DatabaseRevocationSource
from doorward_kit.database import create_engine
from doorward_kit.metrics import Metrics
from doorward_kit.settings import DatabaseSettings
from doorward_kit.unit_of_work import Database as UnitsOfWork
from integration.harness.databases import migrate_all
from integration.harness.deployment import wait_until
from support.databases import Database, DatabaseServer
from support.probes import http_status, http_text
from support.services import Service

PERSON: Final = uuid.UUID(int=1)
AGED: Final = "UPDATE sentinels SET written_at = UTC_TIMESTAMP(6) - INTERVAL %s SECOND"


@pytest.fixture(scope="module")
def database(mariadb_server: DatabaseServer) -> Iterator[Database]:
    with mariadb_server.create_database("data_age") as database:
        migrate_all(database.url, PACKAGE)
        yield database


@pytest.fixture
def replica_url(database: Database) -> str:
    """The URL of an account that cannot write, as on a replica."""
    return database.account("replica", {"*": "SELECT"})


def units_on(url: str) -> UnitsOfWork:
    settings = DatabaseSettings(database_url=SecretStr(url), database_timeout_seconds=30.0)
    return UnitsOfWork(settings, Metrics(), pool_size=1)


@pytest.fixture
def primary(database: Database) -> Iterator[UnitsOfWork]:
    units = units_on(database.url)
    yield units
    units.dispose()


@pytest.fixture
def replica(replica_url: str) -> Iterator[UnitsOfWork]:
    units = units_on(replica_url)
    yield units
    units.dispose()


async def test_who_can_write_shows_that_its_data_is_current(database: Database, primary: UnitsOfWork) -> None:
    database.execute("DELETE FROM sentinels")
    age = DataAge(primary, max_age=10)
    assert await age.measure() < 10
    database.execute(AGED, 3600)
    assert await age.measure() < 10
    assert age.problem() is None


@pytest.mark.parametrize(
    ("later", "is_written"),
    [(0.9, False), (1.1, True), pytest.param(-3600, True, id="a clock that was set back")],
)
def test_a_heartbeat_of_the_last_second_is_not_written_again(
    database: Database,
    later: float,
    is_written: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    engine = create_engine(database.url, pool_size=1, timeout=30)
    with engine.connect() as connection:
        connection.exec_driver_sql("SET timestamp = 2000000000")
        write(connection, Sentinel.HEARTBEAT)
        connection.exec_driver_sql(f"SET timestamp = {2_000_000_000 + later}")
        assert write_heartbeat(connection) is is_written
    engine.dispose()


async def test_who_cannot_write_sees_how_far_its_data_is_behind(
    database: Database, primary: UnitsOfWork, replica: UnitsOfWork
) -> None:
    await DataAge(primary, max_age=10).measure()
    database.execute(AGED, 30)
    age = DataAge(replica, max_age=10)
    assert 30 <= await age.measure() < 90
    assert "a replica, or a node that is behind" in str(age.problem())


async def test_a_list_that_was_just_read_from_old_data_is_stale(
    database: Database, primary: UnitsOfWork, replica: UnitsOfWork
) -> None:
    await DataAge(primary, max_age=10).measure()
    database.execute(AGED, 30)
    revocations = RevocationList(policy=StalePolicy.DENY)
    source = DatabaseRevocationSource(replica, max_age=10)
    revocations.apply(await source.fetch())
    with pytest.raises(StaleRevocationsError):
        revocations.is_revoked(session_id=PERSON, user_id=PERSON, token_version=0)
    assert source.problem() is not None
    await DataAge(primary, max_age=10).measure()
    revocations.apply(await source.fetch())
    assert not revocations.is_stale()
    assert source.problem() is None


async def test_one_file_has_no_heartbeat(tmp_path: Path) -> None:
    units = units_on(f"sqlite:///{tmp_path}/identity.db")
    migrate_all(f"sqlite:///{tmp_path}/identity.db", PACKAGE)
    assert await DataAge(units, max_age=10).measure() == 0
    assert await units.read(lambda connection: connection.execute(sa.select(sentinels)).all()) == []
    units.dispose()


async def test_a_process_on_a_node_that_is_behind_is_not_ready(
    database: Database, primary: UnitsOfWork, replica_url: str, tmp_path: Path
) -> None:
    await DataAge(primary, max_age=10).measure()
    env = {"DOORWARD_REVOCATION_MAX_AGE_SECONDS": "3600", "DOORWARD_REVOCATION_POLL_SECONDS": "0.1"}
    with Service("users", database_url=replica_url, log=tmp_path / "users.log", env=env) as users:
        database.execute(AGED, 7200)
        wait_until(lambda: http_status(users.port, "/readyz") == 503, "not ready")
        assert "a replica, or a node that is behind" in http_text(users.port, "/readyz")
        await DataAge(primary, max_age=10).measure()
        wait_until(lambda: http_status(users.port, "/readyz") == 200, "ready")
