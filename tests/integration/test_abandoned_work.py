"""A unit of work stops once its caller got an error, and leaves no lock behind."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from doorward_kit.metrics import Metrics
from doorward_kit.settings import DatabaseSettings
from doorward_kit.unit_of_work import Database, DatabaseUnavailableError
from integration.harness.databases import NewDatabase

PATIENCE = 0.3
ENDLESS = {
    "mariadb": "SELECT COUNT(*) FROM seq_1_to_1000000 a, seq_1_to_1000000 b WHERE a.seq + b.seq < 0",
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n",
}


@pytest.fixture
def url(new_database: NewDatabase, backend: str) -> str:
    return new_database(backend, "abandoned")


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """A database with one thread, which gives up soon."""
    database = with_patience(url, PATIENCE)
    yield database
    database.dispose()


def with_patience(url: str, seconds: float) -> Database:
    settings = DatabaseSettings(database_url=SecretStr(url), database_timeout_seconds=seconds)
    return Database(settings, Metrics(), pool_size=1)


async def answers_again(database: Database) -> None:
    """Wait until the thread is free and a write succeeds; a hang fails by the timeout."""
    async with asyncio.timeout(60):
        while True:
            try:
                await database.write(lambda connection: connection.execute(sa.text("SELECT 1")))
            except DatabaseUnavailableError:
                continue
            return


@pytest.mark.parametrize("rows", [[{"n": 1}], [{"n": 1}, {"n": 2}]], ids=["a row", "rows"])
async def test_work_of_many_statements_stops_at_its_deadline(
    database: Database, rows: list[dict[str, int]]
) -> None:
    stopped = threading.Event()
    with database.engine.connect() as connection:
        connection.execute(sa.text("CREATE TABLE numbers (n INTEGER)"))

    def work(connection: sa.Connection) -> None:
        try:
            while True:
                connection.execute(sa.text("INSERT INTO numbers VALUES (:n)"), rows)
        finally:
            stopped.set()

    for run in (database.read, database.write):
        stopped.clear()
        with pytest.raises(DatabaseUnavailableError):
            await run(work)
        assert await asyncio.to_thread(stopped.wait, 60)
        await answers_again(database)


async def test_an_endless_statement_is_interrupted(database: Database, backend: str) -> None:
    with pytest.raises(DatabaseUnavailableError):
        await database.write(lambda connection: connection.execute(sa.text(ENDLESS[backend])))
    await answers_again(database)


@pytest.mark.databases("mariadb")
async def test_an_abandoned_statement_ends_on_the_server(database: Database, backend: str) -> None:
    with pytest.raises(DatabaseUnavailableError):
        await database.read(lambda connection: connection.execute(sa.text(ENDLESS[backend])))
    running = sa.text(
        "SELECT COUNT(*) FROM information_schema.PROCESSLIST"
        " WHERE INFO LIKE 'SELECT COUNT(*) FROM seq%' AND DB = DATABASE()"
    )
    async with asyncio.timeout(60):
        while await database.read(lambda connection: connection.execute(running).scalar_one()):
            continue


async def test_deadlines_are_those_of_a_unit_of_work(url: str) -> None:
    database = with_patience(url, 30)
    one = sa.text("SELECT 1")
    for run in (database.read, database.write):
        assert await run(lambda connection: connection.execute(one).scalar_one()) == 1
    with database.engine.connect() as connection:
        assert connection.execute(one).scalar_one() == 1, "outside a unit of work"
    database.dispose()
