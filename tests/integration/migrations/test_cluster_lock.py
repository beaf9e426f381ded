"""The lock of migrations on a cluster: its owner may be killed, lose it, or lose its connection."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Final

import pymysql
import pytest
import sqlalchemy as sa

from doorward_kit import cluster_lock as module
from doorward_kit import migrations
from doorward_kit.cluster_lock import LockLostError, cluster_lock
from doorward_kit.database import create_engine
from integration.harness.deployment import wait_until
from support.databases import Database, DatabaseServer

NAME: Final = "migration"
STEAL: Final = "UPDATE cluster_locks SET owner = 'another'"


@pytest.fixture(scope="module")
def shared(mariadb_server: DatabaseServer) -> Iterator[Database]:
    with mariadb_server.create_database("cluster_lock") as database:
        yield database


@pytest.fixture
def database(shared: Database) -> Database:
    shared.execute("DROP TABLE IF EXISTS cluster_locks")
    return shared


@pytest.fixture
def engine(database: Database) -> Iterator[sa.Engine]:
    engine = create_engine(database.url, pool_size=1, timeout=30)
    yield engine
    engine.dispose()


def end_of(database: Database) -> datetime:
    [(end,)] = database.execute("SELECT expires_at FROM cluster_locks")
    assert isinstance(end, datetime)
    return end


def kill_connections_but(database: Database, kept: sa.Connection) -> None:
    number = kept.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one()
    others = (
        "SELECT ID FROM information_schema.PROCESSLIST"
        " WHERE DB = DATABASE() AND ID NOT IN (%s, CONNECTION_ID())"
    )
    found = database.execute(others, number)
    assert found, "control: the lock has a connection of its own"
    for (other,) in found:
        with suppress(pymysql.err.Error):  # one of `execute`, which has gone by itself
            database.execute(f"KILL {other}")


def test_the_lock_of_a_killed_owner_is_free_at_its_end(database: Database, engine: sa.Engine) -> None:
    with cluster_lock(engine, NAME, wait_seconds=0):
        pass
    later = "UPDATE cluster_locks SET owner = 'killed', expires_at = UTC_TIMESTAMP(6) + INTERVAL %s SECOND"
    database.execute(later, 3600)
    with pytest.raises(TimeoutError), cluster_lock(engine, NAME, wait_seconds=0):
        pytest.fail("it has the lock of another owner")
    database.execute(later, 1)
    with cluster_lock(engine, NAME, wait_seconds=60):
        pass


def test_the_owner_moves_the_end_also_on_a_new_connection(
    database: Database, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RENEW_SECONDS", 0.02)
    with engine.connect() as connection, cluster_lock(engine, NAME, wait_seconds=0):
        taken = end_of(database)
        wait_until(lambda: end_of(database) > taken, "renewed")
        kill_connections_but(database, connection)
        killed = end_of(database)
        wait_until(lambda: end_of(database) > killed, "renewed")


def test_a_lock_that_another_owner_has_taken_is_found_out(database: Database, engine: sa.Engine) -> None:
    with pytest.raises(LockLostError), cluster_lock(engine, NAME, wait_seconds=0):
        database.execute(STEAL)


def test_the_lock_is_released_on_a_new_connection(database: Database, engine: sa.Engine) -> None:
    with engine.connect() as connection:
        with cluster_lock(engine, NAME, wait_seconds=0):
            kill_connections_but(database, connection)
        with cluster_lock(engine, NAME, wait_seconds=0):
            pass


@pytest.mark.parametrize(
    "statement", ["UPDATE cluster_locks SET owner = 'another'", "DROP TABLE cluster_locks"]
)
def test_a_migration_that_loses_its_lock_says_that_another_one_runs(
    database: Database, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    """Also where the driver raises an error: the command knows no errors of the driver."""
    monkeypatch.setattr(migrations, "is_galera_node", lambda _: True)
    with (
        engine.connect() as connection,
        pytest.raises(migrations.MigrationBusyError),
        migrations._locked(engine, connection, NAME),
    ):
        database.execute(statement)
