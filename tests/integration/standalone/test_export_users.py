"""`doorward export-users` writes what `doorward import-users` reads."""

import json
import stat
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from doorward import export_users
from integration.standalone.test_commands import accounts, doorward, folder, rows
from support import preloaded
from support.processes import inherited_environment

__all__ = ["folder"]

HASH = PasswordHasher(time_cost=1, memory_cost=64).hash("a long enough phrase")
PEOPLE = [
    {"email": "ada@example.com", "name": "=Ada", "role": "auditor", "password_hash": HASH},
    {"email": "bob@example.com", "name": "Bob", "status": "disabled", "email_verified": False},
]


@pytest.fixture
def filled(folder: Path) -> Path:
    (folder / "people.jsonl").write_text("\n".join(map(json.dumps, PEOPLE)))
    assert doorward(folder, "import-users", str(folder / "people.jsonl")).returncode == 0
    return folder


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl"])
def test_another_installation_imports_the_file(
    filled: Path, tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    file, other = filled / name, tmp_path_factory.mktemp("other")
    done = doorward(filled, "export-users", str(file), "--with-password-hashes")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "doorward: exported 2 users\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not list(filled.glob("*.part"))
    assert doorward(other, "migrate").returncode == 0
    assert doorward(other, "import-users", str(file)).stdout == (
        "doorward: imported 2 users; 0 existed already\n"
    )
    assert accounts(other) == accounts(filled)
    columns = "email, name, role, status, created_at, email_verified_at IS NULL"
    query = f"SELECT {columns} FROM users ORDER BY email"
    assert rows(other, query) == rows(filled, query)


def test_hashes_are_written_when_they_are_asked_for_alone(filled: Path) -> None:
    done = doorward(filled, "export-users", "-", "--format", "csv")
    first, ada, bob = done.stdout.splitlines()
    assert first == "id,email,name,role,status,email_verified,created_at"
    assert ",ada@example.com,'=Ada,auditor,active,true,2" in ada
    assert ",bob@example.com,Bob,user,disabled,false,2" in bob
    assert "password_hash" not in doorward(filled, "export-users", "-").stdout
    [event] = rows(filled, "SELECT details FROM audit_events WHERE action LIKE '%exported' LIMIT 1")
    assert json.loads(event[0]) == {"format": "csv", "password_hashes": False}


def test_standard_output_that_cannot_be_written_is_reported(filled: Path) -> None:
    environment = {**inherited_environment(), "DOORWARD_DATABASE_URL": f"sqlite:///{filled / 'doorward.db'}"}
    with Path("/dev/full").open("wb") as full, (filled / "errors").open("wb") as errors:
        process = preloaded.PreloadedProcess(
            "doorward", ["export-users", "-"], env=environment, stdout=full, stderr=errors
        )
        assert process.wait(240) == 1
    said = (filled / "errors").read_text().splitlines()
    assert said == ["doorward: standard output cannot be written: No space left on device"]


def test_what_is_there_gets_no_hash(tmp_path: Path) -> None:
    """No hash is written through another user's link, or into a file that others may read."""
    file, target, open_to_all = tmp_path / "people.csv", tmp_path / "target", tmp_path / "people.csv.part"
    file.symlink_to(target)
    open_to_all.touch(mode=0o666)
    with export_users.created(file) as written:
        written.write(b"a hash")
    assert (file.read_bytes(), file.is_symlink(), stat.S_IMODE(file.stat().st_mode)) == (
        b"a hash",
        False,
        0o600,
    )
    assert not target.exists()
    assert sorted(tmp_path.iterdir()) == [file, open_to_all]


def test_an_export_that_fails_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), export_users.created(tmp_path / "people.csv"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_reported(filled: Path) -> None:
    done = doorward(filled, "export-users", "/nowhere/people.csv")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        1,
        "doorward: /nowhere/people.csv cannot be written: No such file or directory",
    )
