"""Migrations create the schema of the code, also if they run twice, in parallel, or are killed."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from doorward_identity.schema import PACKAGE, REQUIRED_REVISION, VERSION_TABLE, schema_problem
from doorward_identity.tables import metadata
from doorward_kit.database import create_engine
from doorward_kit.migrations import migrate
from integration.harness.installation import Installation
from integration.harness.people import half_made, populate
from integration.harness.schemas import collations
from support.databases import Database, DatabaseServer
from support.processes import inherited_environment

SCRIPT = Path(__file__).with_name("migrate_together.py")


class Databases:
    """Makes empty databases of one kind."""

    def __init__(self, folder: Path, server: DatabaseServer | None) -> None:
        self._folder = folder
        self._server = server
        self._made: list[Database] = []

    @property
    def are_files(self) -> bool:
        return self._server is None

    def empty(self, count: int) -> list[str]:
        """Make empty databases; return their URLs."""
        if self._server is None:
            start = len(list(self._folder.iterdir()))
            urls = [f"sqlite:///{self._folder}/{start + number}.db" for number in range(count)]
            for url in urls:
                Path(url.removeprefix("sqlite:///")).touch()
            return urls
        made = [self._server.create_database("migrate") for _ in range(count)]
        self._made += made
        return [database.url for database in made]

    def drop(self) -> None:
        for database in self._made:
            database.drop()


@pytest.fixture(params=["sqlite", "mariadb"])
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Databases]:
    server = request.getfixturevalue("mariadb_server") if request.param == "mariadb" else None
    databases = Databases(tmp_path, server)
    yield databases
    databases.drop()


def engine_of(url: str) -> sa.Engine:
    return create_engine(url, pool_size=1, timeout=25)


def upgrade(url: str) -> None:
    engine = engine_of(url)
    migrate(engine, PACKAGE)
    engine.dispose()


def assert_complete(url: str) -> None:
    """Check that the schema is the one that tables.py describes, and that it works."""
    assert_schema(url)
    with Installation(url) as installation:
        populate(installation)
        assert half_made(installation) == []


def assert_schema(url: str) -> None:
    """Check that the schema is the one that tables.py describes."""
    engine = engine_of(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"compare_type": True, "compare_server_default": True, "version_table": VERSION_TABLE},
        )
        assert compare_metadata(context, metadata) == []
        assert connection.scalar(sa.text(f"SELECT COUNT(*) FROM {VERSION_TABLE}")) == 1
        assert schema_problem(connection) is None
        assert set(foreign_keys(connection).values()) == {"CASCADE"}
        if engine.dialect.name != "sqlite":
            assert collations(connection, VERSION_TABLE) <= {"utf8mb4_bin", "ascii_bin"}
    engine.dispose()


def foreign_keys(connection: sa.Connection) -> dict[str, str]:
    inspector = sa.inspect(connection)
    return {
        table: key["options"]["ondelete"]
        for table in metadata.tables
        for key in inspector.get_foreign_keys(table)
    }


def together(mode: str, urls: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), mode, *urls],
        env=inherited_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_migrated_schema_equals_the_schema_of_the_code(databases: Databases) -> None:
    (url,) = databases.empty(1)
    upgrade(url)
    assert_complete(url)


def test_a_second_run_changes_nothing(databases: Databases) -> None:
    (url,) = databases.empty(1)
    upgrade(url)
    with Installation(url) as installation:
        populate(installation)
        before = installation.execute("SELECT * FROM users ORDER BY id")
        upgrade(url)
        assert installation.execute("SELECT * FROM users ORDER BY id") == before
    assert_complete(url)


def test_an_older_release_keeps_a_newer_schema(databases: Databases) -> None:
    (url,) = databases.empty(1)
    upgrade(url)
    engine = engine_of(url)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    upgrade(url)
    with engine.connect() as connection:
        assert connection.scalar(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")) == "9999"
        assert schema_problem(connection) is None
    engine.dispose()


def test_an_empty_database_reports_the_required_revision(databases: Databases) -> None:
    (url,) = databases.empty(1)
    engine = engine_of(url)
    with engine.connect() as connection:
        assert REQUIRED_REVISION in str(schema_problem(connection))
    engine.dispose()


def test_two_parallel_migrations_both_succeed(databases: Databases) -> None:
    # On SQLite a migration is short, so a race needs more attempts.
    urls = databases.empty(8 if databases.are_files else 4)
    done = together("2", urls)
    assert done.returncode == 0, done.stderr[-3000:]
    for url in urls:
        assert_schema(url)
    assert_complete(urls[0])


def test_a_killed_migration_is_completed_by_the_next_run(databases: Databases) -> None:
    statements = [1, 2, 3, 5, 8, 13, 21, 30, 34]
    urls = databases.empty(len(statements))
    done = together(f"kill:{','.join(map(str, statements))}", urls)
    assert done.returncode == 0, done.stderr[-3000:]
    counts = [len(tables_of(url)) for url in urls]
    if databases.are_files:  # whose DDL is transactional: all or nothing
        assert set(counts) == {0}
    else:
        assert counts == sorted(counts)
        assert counts[0] < counts[4] < counts[-1]
    for url in urls:
        upgrade(url)
        assert_schema(url)
    assert_complete(urls[-1])


def tables_of(url: str) -> set[str]:
    engine = engine_of(url)
    names = set(sa.inspect(engine).get_table_names())
    engine.dispose()
    return names
