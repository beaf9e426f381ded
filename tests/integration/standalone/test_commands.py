"""The commands for administrators as processes on SQLite."""

import os
import pty
import select
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from support import preloaded
from support.processes import inherited_environment

PASSWORD = "the analytical engine"


def doorward(
    folder: Path, *arguments: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {
        **inherited_environment(),
        "DOORWARD_DATABASE_URL": f"sqlite:///{folder / 'doorward.db'}",
        "DOORWARD_ARGON2_MEMORY_KIB": "64",
        **(env or {}),
    }
    return preloaded.run("doorward", arguments, env=environment, timeout=240)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert doorward(tmp_path, "migrate").returncode == 0
    return tmp_path


def rows(folder: Path, statement: str) -> list[tuple[Any, ...]]:
    """Query the database of a folder."""
    engine = sa.create_engine(f"sqlite:///{folder / 'doorward.db'}")
    with engine.connect() as connection:
        found = connection.exec_driver_sql(statement).all()
    engine.dispose()
    return [tuple(row) for row in found]


def accounts(folder: Path) -> list[tuple[str, str, str, int, str]]:
    return rows(
        folder,
        "SELECT email, role, status, token_version, password_hash"
        " FROM users JOIN credentials ON user_id = id",
    )


def create_admin(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    environment = {"DOORWARD_ADMIN_PASSWORD": PASSWORD, **env}
    return doorward(folder, "create-admin", "--email", "ada@example.com", *arguments, env=environment)


def test_migrating_twice_succeeds(folder: Path) -> None:
    done = doorward(folder, "migrate")
    lines = [f"doorward: the {name} schema is up to date" for name in ("identity", "tickets")]
    assert (done.returncode, done.stdout.splitlines()) == (0, lines)


def test_create_admin_waits_for_the_schema(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as threads:
        admin = threads.submit(create_admin, tmp_path, "--wait", "30")
        while not (tmp_path / "doorward.db").exists():
            assert not admin.done()
        assert not admin.done(), "it was to wait for tables"
        assert doorward(tmp_path, "migrate").returncode == 0
        assert "created the administrator" in admin.result().stdout


def test_create_admin_fails_after_its_wait(tmp_path: Path) -> None:
    done = create_admin(tmp_path, "--wait", "0.1")
    assert done.returncode == 1
    assert "the database cannot be used" in done.stderr


def test_create_admin_changes_nothing_the_second_time(folder: Path) -> None:
    assert "created the administrator" in create_admin(folder).stdout
    [before] = accounts(folder)
    assert before[:3] == ("ada@example.com", "admin", "active")
    again = create_admin(folder, DOORWARD_ADMIN_PASSWORD="another long password")
    assert (again.returncode, "nothing changed" in again.stdout) == (0, True)
    assert accounts(folder) == [before]


def test_create_admin_can_reset_the_password(folder: Path) -> None:
    create_admin(folder)
    [before] = accounts(folder)
    done = create_admin(folder, "--reset-password", DOORWARD_ADMIN_PASSWORD="another long password")
    assert "new password" in done.stdout
    [after] = accounts(folder)
    assert after[4] != before[4]
    assert after[3] == before[3] + 1


def test_two_parallel_create_admin_commands_create_one_account(folder: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: create_admin(folder), range(4)))
    assert [process.returncode for process in done] == [0] * 4, [process.stderr for process in done]
    assert len(accounts(folder)) == 1


def test_create_admin_promotes_a_user_and_keeps_the_password(folder: Path) -> None:
    create_admin(folder)
    engine = sa.create_engine(f"sqlite:///{folder / 'doorward.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE users SET role = 'user', status = 'disabled'")
    engine.dispose()
    [before] = accounts(folder)
    assert "is now an active administrator" in create_admin(folder).stdout
    [after] = accounts(folder)
    assert after[1:3] == ("admin", "active")
    assert after[4] == before[4]


@pytest.mark.parametrize(
    ("arguments", "env", "must_change"),
    [
        ((), {}, 0),
        (("--must-change",), {}, 1),
        ((), {"DOORWARD_ADMIN_PASSWORD_MUST_CHANGE": "true"}, 1),
    ],
)
def test_create_admin_can_make_the_password_temporary(
    folder: Path, arguments: tuple[str, ...], env: dict[str, str], must_change: int
) -> None:
    assert create_admin(folder, *arguments, **env).returncode == 0
    assert rows(folder, "SELECT must_change FROM credentials") == [(must_change,)]


def test_create_admin_warns_of_an_address_outside_the_domains(folder: Path) -> None:
    for domains, warned in (("example.org", True), ("example.org,example.com", False)):
        done = create_admin(folder, DOORWARD_REGISTRATION_DOMAINS=domains)
        assert (done.returncode, "warning: ada@example.com is outside" in done.stderr) == (0, warned)


def test_create_admin_reads_the_password_from_a_file(folder: Path) -> None:
    (folder / "password").write_text(PASSWORD + "\n")
    done = doorward(folder, "create-admin", "--password-file", str(folder / "password"))
    assert (done.returncode, done.stderr) == (0, "")
    assert accounts(folder)[0][0] == "admin@example.com"


def test_create_admin_asks_for_the_password_at_a_terminal(folder: Path) -> None:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "doorward", "create-admin"],
        env={**inherited_environment(), "DOORWARD_DATABASE_URL": f"sqlite:///{folder / 'doorward.db'}"},
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    )
    os.close(follower)
    # Typed only after the prompt, because switching the echo off discards earlier input.
    seen = read_until(leader, b"administrator: ")
    os.write(leader, PASSWORD.encode() + b"\n")
    seen += read_until(leader, b"Once more: ")
    os.write(leader, PASSWORD.encode() + b"\n")
    seen += read_until(leader, b"created the administrator")
    assert process.wait(timeout=30) == 0
    os.close(leader)
    assert PASSWORD.encode() not in seen
    assert len(accounts(folder)) == 1


def read_until(terminal: int, expected: bytes) -> bytes:
    seen = b""
    while expected not in seen:
        ready, _, _ = select.select([terminal], [], [], 30)
        assert ready, seen
        seen += os.read(terminal, 1024)
    return seen


@pytest.mark.parametrize(
    ("env", "complaint"),
    [
        ({"DOORWARD_ADMIN_PASSWORD": ""}, "DOORWARD_ADMIN_PASSWORD is not set"),
        (
            {"DOORWARD_ADMIN_PASSWORD": "short"},
            "(DOORWARD_ADMIN_PASSWORD): A password has 8 to 128 characters",
        ),
        ({}, "DOORWARD_ADMIN_PASSWORD is not set"),
        (
            {"DOORWARD_ADMIN_PASSWORD": PASSWORD, "DOORWARD_ADMIN_EMAIL": "nobody"},
            "DOORWARD_ADMIN_EMAIL, nobody: This is",
        ),
        ({"DOORWARD_ADMIN_PASSWORD_FILE": "/nowhere"}, "DOORWARD_ADMIN_PASSWORD_FILE names a file"),
    ],
)
def test_an_invalid_environment_is_a_one_line_error(
    folder: Path, env: dict[str, str], complaint: str
) -> None:
    done = doorward(folder, "create-admin", env=env)
    assert done.returncode == 1
    assert complaint in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert PASSWORD not in done.stderr
    assert accounts(folder) == []


def test_a_missing_schema_is_reported_and_no_partial_account_is_created(tmp_path: Path) -> None:
    done = create_admin(tmp_path)
    assert done.returncode == 1
    assert "no such table" in done.stderr
