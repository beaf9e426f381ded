"""`doorward migrate` migrates exactly the configured databases."""

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from support.databases import DatabaseServer
from support.processes import inherited_environment

IDENTITY, TICKETS = "alembic_version_identity", "alembic_version_tickets"


def migrate(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "doorward", "migrate"],
        env={**inherited_environment(), **env},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def version_tables(path: Path) -> set[str]:
    engine = sa.create_engine(f"sqlite:///{path}")
    names = sa.inspect(engine).get_table_names()
    engine.dispose()
    return {name for name in names if name.startswith("alembic_version")}


def test_without_a_database_url_the_local_files_are_migrated(tmp_path: Path) -> None:
    for _ in range(2):  # safe to repeat
        done = migrate(tmp_path)
        assert done.stdout.splitlines() == [
            "doorward: the identity schema is up to date",
            "doorward: the tickets schema is up to date",
        ]
    assert version_tables(tmp_path / "var" / "doorward.db") == {IDENTITY}
    assert version_tables(tmp_path / "var" / "tickets.db") == {TICKETS}


def test_the_tickets_database_is_next_to_an_sqlite_file(tmp_path: Path) -> None:
    assert migrate(tmp_path, DOORWARD_DATABASE_URL=f"sqlite:///{tmp_path}/identity.db").returncode == 0
    assert version_tables(tmp_path / "tickets.db") == {TICKETS}
    assert not (tmp_path / "var").exists()


def test_a_separate_tickets_database_is_migrated(tmp_path: Path) -> None:
    done = migrate(tmp_path, DOORWARD_TICKETS_DATABASE_URL=f"sqlite:///{tmp_path}/own.db")
    assert done.stdout == "doorward: the tickets schema is up to date\n"
    assert version_tables(tmp_path / "own.db") == {TICKETS}
    assert not (tmp_path / "var").exists()


def test_two_server_databases_are_migrated(mariadb_server: DatabaseServer, tmp_path: Path) -> None:
    with mariadb_server.create_database("mi") as identity, mariadb_server.create_database("mt") as tickets:
        url = sa.make_url(tickets.url)
        done = migrate(
            tmp_path,
            DOORWARD_DATABASE_URL=identity.url,
            DOORWARD_TICKETS_DATABASE_URL=url._replace(password=None).render_as_string(hide_password=False),
            DOORWARD_TICKETS_DATABASE_PASSWORD=url.password or "",
        )
        assert done.returncode == 0, done.stderr
        assert identity.execute(f"SELECT COUNT(*) FROM {IDENTITY}") == ((1,),)
        assert tickets.execute(f"SELECT COUNT(*) FROM {TICKETS}") == ((1,),)


@pytest.mark.parametrize("name", ["DOORWARD_DATABASE_URL", "DOORWARD_TICKETS_DATABASE_URL"])
def test_an_unusable_database_is_a_one_line_error(tmp_path: Path, name: str) -> None:
    done = migrate(tmp_path, **{name: f"sqlite:///{tmp_path}/no/such/folder.db"})
    assert done.returncode == 1
    assert done.stderr.startswith("doorward: the database cannot be used: ")
    assert done.stderr.count("\n") == 1
