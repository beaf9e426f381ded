"""caching_sha2_password, the way in which MySQL authenticates: with TLS, and what happens without it."""

import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pymysql
import pytest
import sqlalchemy as sa

from doorward_identity.schema import PACKAGE
from doorward_kit.database import create_engine
from integration.harness.databases import migrate_all
from integration.harness.deployment import start_alive, wait_until
from support.certificates import self_signed
from support.databases import Database
from support.mysql import MySQL
from support.probes import http_status
from support.processes import inherited_environment
from support.services import Service

CA: Final = "DOORWARD_DATABASE_TLS_CA_FILE"

ANOTHER_SPELLING: Final = "127.1"
"""127.0.0.1 in a notation that the check for local hosts does not know."""


@pytest.fixture
def authority(server: MySQL) -> str:
    return server.tls_environment[CA]


@pytest.fixture
def database(server: MySQL) -> Iterator[Database]:
    with server.create_database("tls") as database:
        yield database


def new_account(database: Database) -> sa.URL:
    """Create an account whose password the server has not seen yet."""
    url = sa.make_url(database.account(f"a{secrets.token_hex(2)}", {"*": "ALL PRIVILEGES"}))
    [(plugin,)] = database.execute("SELECT plugin FROM mysql.user WHERE user = %s", url.username)
    assert plugin == "caching_sha2_password"
    return url


def text(url: sa.URL, host: str | None = None) -> str:
    return url.set(host=host or url.host).render_as_string(hide_password=False)


def tls_version(url: str, *, ca_file: str | None = None, allowed: bool = False) -> str:
    """Connect, and return the version of TLS; empty without."""
    engine = create_engine(
        url, pool_size=1, timeout=10, tls_ca_file=ca_file, allow_public_key_retrieval=allowed
    )
    try:
        with engine.connect() as connection:
            return str(connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Ssl_version'").one()[1])
    finally:
        engine.dispose()


def steps(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return what PyMySQL says it did since the last call."""
    said = capsys.readouterr().out
    known = {
        "full, over TLS": "Sending plain password via secure connection",
        "with the server's key": "BEGIN PUBLIC KEY",
        "remembered": "succeeded by fast path",
    }
    return [name for name, words in known.items() if words in said]


@pytest.fixture(autouse=True)
def _verbose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pymysql._auth.DEBUG", True)


def test_over_tls_a_password_is_verified_and_then_remembered(
    database: Database, authority: str, capsys: pytest.CaptureFixture[str]
) -> None:
    url = text(new_account(database))
    capsys.readouterr()
    for expected in (["full, over TLS"], ["remembered"]):
        assert tls_version(url, ca_file=authority).startswith("TLSv1.")
        assert steps(capsys) == expected
    database.execute("FLUSH PRIVILEGES")  # as a restart does
    capsys.readouterr()
    assert tls_version(url, ca_file=authority).startswith("TLSv1.")
    assert steps(capsys) == ["full, over TLS"]


def test_a_server_of_another_authority_gets_no_password(database: Database, tmp_path: Path) -> None:
    other = str(self_signed(tmp_path).authority)
    with pytest.raises(sa.exc.OperationalError, match="CERTIFICATE_VERIFY_FAILED"):
        tls_version(text(new_account(database)), ca_file=other)


def test_a_server_of_another_name_gets_no_password(database: Database, authority: str) -> None:
    with pytest.raises(sa.exc.OperationalError, match="CERTIFICATE_VERIFY_FAILED"):
        tls_version(text(new_account(database), ANOTHER_SPELLING), ca_file=authority)


def test_without_tls_neither_a_new_nor_a_remembered_password_is_used(
    database: Database, authority: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server of this test would send its key, and PyMySQL would use it."""
    account = new_account(database)
    elsewhere = text(account, ANOTHER_SPELLING)
    for is_remembered in (False, True):
        if is_remembered:
            tls_version(text(account), ca_file=authority)
        capsys.readouterr()
        with pytest.raises(sa.exc.OperationalError, match="set DOORWARD_DATABASE_TLS_CA_FILE") as raised:
            tls_version(elsewhere)
        assert isinstance(raised.value.orig, pymysql.err.OperationalError)
        assert steps(capsys) == []


def test_the_key_of_the_server_is_used_where_that_is_allowed(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    url = text(new_account(database), ANOTHER_SPELLING)
    capsys.readouterr()
    assert tls_version(url, allowed=True) == ""
    assert steps(capsys) == ["with the server's key"]


def test_a_service_uses_tls_where_its_setting_says_so(
    database: Database, server: MySQL, tmp_path: Path
) -> None:
    migrate_all(database.url, PACKAGE)
    account = new_account(database)
    server.execute("ALTER USER %s@'%%' REQUIRE SSL", account.username)
    env = server.tls_environment
    with Service("users", database_url=text(account), log=tmp_path / "users.log", env=env) as users:
        assert http_status(users.port, "/readyz") == 200


def test_a_service_without_tls_says_why_it_is_not_ready(database: Database, tmp_path: Path) -> None:
    migrate_all(database.url, PACKAGE)
    url = text(new_account(database), ANOTHER_SPELLING)
    users = Service("users", database_url=url, log=tmp_path / "users.log")
    start_alive(users)
    try:
        assert http_status(users.port, "/readyz") == 503
        wait_until(lambda: "database.authentication_rejected" in users.log_text(), "said")
        assert "set DOORWARD_DATABASE_TLS_CA_FILE" in users.log_text()
    finally:
        users.stop()


def test_a_command_without_tls_says_why_it_fails(database: Database) -> None:
    url = text(new_account(database), ANOTHER_SPELLING)
    done = subprocess.run(
        [sys.executable, "-m", "doorward", "migrate"],
        env={**inherited_environment(), "DOORWARD_DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "set DOORWARD_DATABASE_TLS_CA_FILE" in done.stderr.splitlines()[-1]
