"""The SQL of create-database-accounts.sh; tests/edge/test_compose_accounts.py runs it against a server."""

import subprocess
from pathlib import Path

import pytest

from chart.render import CHART

CLIENT = """#!/bin/sh
echo "$*" >>"$LOG"
case "$*" in *--execute*) ;; *) cat >>"$LOG" ;; esac
"""
PASSWORDS = ("root", "owner", "auth", "users", "tickets")


def run_script(folder: Path, command: str, *accounts: str, **env: str) -> str:
    """Run the script with a client that logs its input; return the log."""
    (folder / "mariadb").write_text(CLIENT, encoding="utf-8")
    (folder / "mariadb").chmod(0o755)
    for name in accounts:
        (folder / f"{name}-password").write_text(f"{name}-0123", encoding="utf-8")
    given = {"PATH": f"{folder}:/usr/bin:/bin", "LOG": str(folder / "log"), **env}
    given["DOORWARD_DATABASE_PASSWORDS_DIR"] = str(folder)
    subprocess.run(
        ["sh", CHART / "files/create-database-accounts.sh", command],
        env=given,
        capture_output=True,
        check=True,
    )
    return (folder / "log").read_text(encoding="utf-8")


def test_the_server_is_verified_with_the_ca(tmp_path: Path) -> None:
    for line in run_script(
        tmp_path, "databases", *PASSWORDS, DOORWARD_DATABASE_TLS_CA_FILE="/ca.crt"
    ).splitlines():
        if "--host" in line:
            assert "--ssl-ca=/ca.crt --ssl-verify-server-cert" in line


def test_without_a_ca_no_certificate_is_required(tmp_path: Path) -> None:
    assert "--disable-ssl-verify-server-cert" in run_script(tmp_path, "databases", *PASSWORDS)


@pytest.mark.parametrize("command", ["databases", "accounts"])
def test_without_tickets_no_tickets_account_is_created(tmp_path: Path, command: str) -> None:
    assert "doorward_tickets" in run_script(tmp_path, command, *PASSWORDS)
    (tmp_path / "log").unlink()
    (tmp_path / "tickets-password").unlink()
    said = run_script(tmp_path, command, *PASSWORDS[:-1], DOORWARD_WITHOUT_TICKETS="yes")
    assert "doorward" in said
    assert "doorward_tickets" not in said


def test_each_account_is_created_with_its_password(tmp_path: Path) -> None:
    run_script(tmp_path, "databases", *PASSWORDS)
    said = run_script(tmp_path, "accounts", *PASSWORDS)  # the log has both
    made = [line for line in said.splitlines() if "CREATE USER" in line]
    assert len(made) == len(PASSWORDS[1:])
    assert all("IDENTIFIED BY '" in line for line in made)
