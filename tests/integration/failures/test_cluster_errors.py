"""What errors of a cluster's nodes mean: run again on another connection, or an unknown outcome."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from doorward_kit.metrics import Metrics
from doorward_kit.settings import DatabaseSettings
from doorward_kit.unit_of_work import Database as UnitsOfWork
from doorward_kit.unit_of_work import DatabaseUnavailableError
from support.databases import Database, DatabaseServer


@pytest.fixture(scope="module")
def database(mariadb_server: DatabaseServer) -> Iterator[Database]:
    with mariadb_server.create_database("cluster_errors") as database:
        database.execute("CREATE TABLE counted (id INT PRIMARY KEY, value INT NOT NULL)")
        yield database


@pytest.fixture
def units_of_work(database: Database) -> Iterator[UnitsOfWork]:
    database.execute("REPLACE INTO counted VALUES (1, 0)")
    settings = DatabaseSettings(database_url=SecretStr(database.url), database_timeout_seconds=20.0)
    units_of_work = UnitsOfWork(settings, Metrics(), pool_size=1)
    yield units_of_work
    units_of_work.dispose()


def fail_with(connection: sa.Connection, code: int) -> None:
    """Let the server answer with an error of this number."""
    connection.exec_driver_sql(
        f"BEGIN NOT ATOMIC SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {code}, MESSAGE_TEXT = 'as told'; END"
    )


class Work:
    """Adds one; the first run fails with `code`, if there is one."""

    def __init__(self, code: int | None = None) -> None:
        self.runs = 0
        self.connections: list[int] = []
        self._code = code

    def __call__(self, connection: sa.Connection) -> None:
        self.runs += 1
        self.connections.append(connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one())
        connection.exec_driver_sql("UPDATE counted SET value = value + 1")
        if self.runs == 1 and self._code is not None:
            fail_with(connection, self._code)


def value(database: Database) -> int:
    [(found,)] = database.execute("SELECT value FROM counted")
    return int(found)


@pytest.mark.parametrize("code", [1047, 1180, 1205, 1213, 1317])
async def test_a_statement_of_a_transaction_runs_again(
    database: Database, units_of_work: UnitsOfWork, code: int
) -> None:
    work = Work(code)
    await units_of_work.write(work)
    assert (work.runs, value(database)) == (2, 1)


@pytest.mark.parametrize("code", [1047, 1180])
async def test_a_node_without_its_cluster_gets_no_further_statement(
    units_of_work: UnitsOfWork, code: int
) -> None:
    """The node answers pings, so the pool would give its connection to the next request."""
    work = Work(code)
    await units_of_work.write(work)
    first, second = work.connections
    assert first != second


@pytest.mark.parametrize("code", [1047, 1180, 1317])
async def test_a_commit_whose_outcome_is_unknown_is_not_repeated(
    database: Database, units_of_work: UnitsOfWork, code: int
) -> None:
    def fail(connection: sa.Connection) -> None:
        sa.event.remove(units_of_work.engine, "commit", fail)
        fail_with(connection, code)

    sa.event.listen(units_of_work.engine, "commit", fail)
    work = Work()
    with pytest.raises(DatabaseUnavailableError):
        await units_of_work.write(work)
    assert work.runs == 1
    await units_of_work.write(Work())
    assert value(database) == 1


@pytest.mark.parametrize("code", [1047, 1180, 1317])
async def test_a_single_statement_whose_outcome_is_unknown_is_not_repeated(
    units_of_work: UnitsOfWork, code: int
) -> None:
    runs = 0

    def work(connection: sa.Connection) -> None:
        nonlocal runs
        runs += 1
        fail_with(connection, code)

    with pytest.raises(DatabaseUnavailableError):
        await units_of_work.execute_single(work)
    assert runs == 1
