"""`doorward import-users` imports users with their password hashes."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from integration.standalone.test_commands import PASSWORD, accounts, create_admin, doorward, folder, rows

__all__ = ["folder"]

HASH = PasswordHasher(time_cost=1, memory_cost=64).hash(PASSWORD)
DJANGO = "pbkdf2_sha256$10$c2FsdHNhbHQ$" + "A" * 43 + "="
KEYCLOAK = {
    "type": "password",
    "credentialData": json.dumps({"algorithm": "pbkdf2-sha256", "hashIterations": 27500}),
    "secretData": json.dumps({"salt": "c2FsdHNhbHRzYWx0c2FsdA==", "value": "A" * 43 + "="}),
}


def lines(folder: Path, *people: dict[str, Any] | str) -> str:
    path = folder / "people.jsonl"
    path.write_text(
        "\n".join(one if isinstance(one, str) else json.dumps(one) for one in people), encoding="utf-8"
    )
    return str(path)


def person(name: str, **members: Any) -> dict[str, Any]:
    return {"email": f"{name}@example.com", "name": name.title(), **members}


def events(folder: Path) -> list[str]:
    return [action for (action,) in rows(folder, "SELECT action FROM audit_events")]


def statuses(folder: Path) -> dict[str, str]:
    return dict(rows(folder, "SELECT email, status FROM users"))


def test_all_users_are_imported_with_their_data(folder: Path) -> None:
    path = lines(
        folder,
        person("ada", password_hash=HASH, role="admin"),
        "",
        person("bob", password_hash=DJANGO),
        person("cyd", password_hash=KEYCLOAK),
        person("dan"),
    )
    done = doorward(folder, "import-users", path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "doorward: imported 4 users; 0 existed already\n"
    found = {email: (role, text) for email, role, _, _, text in accounts(folder)}
    assert found["ada@example.com"] == ("admin", HASH)
    assert found["bob@example.com"] == ("user", DJANGO)
    assert found["cyd@example.com"][1].startswith("$pbkdf2-sha256$i=27500$")
    assert "dan@example.com" not in found  # exists without a password
    assert events(folder) == ["command:account:imported"] * 4


def test_disabled_users_and_users_without_a_password(folder: Path) -> None:
    path = lines(
        folder,
        person("ada", status="disabled", password_hash=HASH),
        person("bob", password_hash="!" + "x" * 40),
    )
    done = doorward(folder, "import-users", path)
    assert done.returncode == 0, done.stderr
    assert statuses(folder) == {"ada@example.com": "disabled", "bob@example.com": "active"}
    assert [email for email, *_ in accounts(folder)] == ["ada@example.com"]  # with a password


def test_repeating_an_import_changes_nothing(folder: Path) -> None:
    create_admin(folder)
    before = accounts(folder)
    path = lines(folder, person("ada", password_hash=HASH), person("bob"))
    assert doorward(folder, "import-users", path).stdout == (
        "doorward: imported 1 users; 1 existed already\n"
    )
    assert doorward(folder, "import-users", path).stdout == (
        "doorward: imported 0 users; 2 existed already\n"
    )
    assert accounts(folder) == before


def test_checking_imports_no_user(folder: Path) -> None:
    path = lines(folder, person("ada", password_hash=HASH))
    assert doorward(folder, "import-users", "--check", path).stdout == ("doorward: 1 users can be imported\n")
    assert accounts(folder) == []


def test_an_invalid_line_is_reported_and_nothing_is_imported(folder: Path) -> None:
    path = lines(folder, person("ada", password_hash=HASH), person("bob", password_hash="5f4dcc3b5aa765d6"))
    done = doorward(folder, "import-users", path)
    assert done.returncode == 1
    assert done.stderr.startswith(
        "doorward: nothing was imported\n  line 2: password_hash: not a supported password hash"
    )
    assert "5f4dcc3b" not in done.stderr
    assert accounts(folder) == []


def test_valid_lines_are_imported_and_the_others_reported(folder: Path) -> None:
    path = lines(folder, person("ada"), person("bob", role="root"), "{", person("ADA"), person("cyd"))
    report = folder / "report.txt"
    done = doorward(folder, "import-users", path, "--skip-invalid", str(report))
    assert done.returncode == 1
    assert done.stdout == "doorward: imported 2 users; 0 existed already\n"
    assert done.stderr.startswith(f"doorward: 3 lines are invalid, see {report}\n  line 2: role: ")
    assert [line.split(":")[0] for line in report.read_text().splitlines()] == ["line 2", "line 3", "line 4"]
    assert set(statuses(folder)) == {"ada@example.com", "cyd@example.com"}


def test_addresses_outside_the_domains_are_imported_with_a_warning(folder: Path) -> None:
    path = lines(folder, person("ada"), {"email": "bob@BÜCHER.example", "name": "Bob"}, person("cyd"))
    warning = "doorward: warning: 2 addresses are outside the domains of DOORWARD_REGISTRATION_DOMAINS"
    env = {"DOORWARD_REGISTRATION_DOMAINS": "bücher.example"}
    for options in (("--check",), ()):
        done = doorward(folder, "import-users", path, *options, env=env)
        assert (done.returncode, done.stderr.splitlines()[-1]) == (0, warning)
    assert len(statuses(folder)) == 3
    assert "warning" not in doorward(folder, "import-users", path).stderr


def test_a_csv_file_is_recognized_by_its_name_or_an_option(folder: Path) -> None:
    for path, arguments in (("people.csv", ()), ("people", ("--format", "csv"))):
        (folder / path).write_text(f'email,name,password_hash\n{path}@example.com,Ada,"{HASH}"\n')
        done = doorward(folder, "import-users", str(folder / path), *arguments)
        assert done.stdout == "doorward: imported 1 users; 0 existed already\n", done.stderr


def test_what_cannot_be_read_twice_is_copied(folder: Path) -> None:
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as threads:
        done = threads.submit(doorward, folder, "import-users", str(pipe))
        pipe.write_text(json.dumps(person("ada")))
        assert done.result().stdout == "doorward: imported 1 users; 0 existed already\n"


def test_a_report_that_cannot_be_written_is_said_before(folder: Path) -> None:
    done = doorward(folder, "import-users", lines(folder, person("ada")), "--skip-invalid", "/nowhere/x")
    assert (done.returncode, "cannot be written" in done.stderr) == (1, True)
    assert statuses(folder) == {}


def test_a_missing_file_is_reported(folder: Path) -> None:
    done = doorward(folder, "import-users", "/nowhere/people.jsonl")
    assert (done.returncode, "cannot be read" in done.stderr) == (1, True)
