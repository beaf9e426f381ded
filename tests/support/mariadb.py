"""MariaDB for tests: a private server that tests may kill, or one that the caller provides."""

import contextlib
import os
import secrets
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Self

import pymysql
import sqlalchemy as sa

from support.databases import DRIVER, DatabaseServer
from support.ports import free_port
from support.processes import Process
from support.reaper import temporary_folder
from support.requirements import (
    MARIADB_INSTALL_DB,
    MARIADBD,
    external_database_url,
    need,
    need_private_database,
)

_ADMIN: Final = "doorward_tests"
# Small and quick to start, but as durable as production: tests that kill the server rely on
# innodb_flush_log_at_trx_commit=1. The collation is the default of the public image: a schema that
# forgets to say utf8mb4_bin shows it here.
_OPTIONS: Final = (
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_general_ci",
    "--max-connections=250",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=16M",
    "--innodb-flush-log-at-trx-commit=1",
    "--innodb-fast-shutdown=1",
    "--performance-schema=off",
    "--table-open-cache=256",
)
_VOLATILE: Final = (
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--innodb-fast-shutdown=2",
)


class MariaDB(DatabaseServer):
    """A private server on 127.0.0.1: its own port, its own folder, a random password.

    `process` has kill9(), restart(), freeze() and thaw(); the port and the data survive them.
    """

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        """Prepare an empty data folder (0.7 s); start() runs the server on it."""
        self.folder = folder
        self.port = free_port()
        password = secrets.token_urlsafe(24)
        super().__init__(sa.URL.create(DRIVER, _ADMIN, password, "127.0.0.1", self.port))
        account = f"`{_ADMIN}`@'127.0.0.1'"
        # Run at each start, before the first connection is accepted, so that root always has a password.
        statements = (
            f"CREATE OR REPLACE USER {account} IDENTIFIED BY '{password}';",
            f"GRANT ALL PRIVILEGES ON *.* TO {account} WITH GRANT OPTION;",
            f"ALTER USER root@localhost IDENTIFIED BY '{password}';",
            # The installer also makes roots without a password for 127.0.0.1 and ::1.
            "DELETE FROM mysql.global_priv WHERE User = 'root' AND Host <> 'localhost';",
            "FLUSH PRIVILEGES;",
        )
        init_file = folder / "init.sql"
        init_file.write_text("\n".join(statements), encoding="utf-8")
        init_file.chmod(0o600)
        self._install()
        self.process = Process(
            "mariadbd",
            [
                need(MARIADBD),
                "--no-defaults",
                *_user(),
                f"--datadir={folder / 'data'}",
                f"--tmpdir={folder}",
                f"--socket={folder / 'mariadb.sock'}",
                f"--pid-file={folder / 'mariadb.pid'}",
                f"--init-file={init_file}",
                f"--port={self.port}",
                *_OPTIONS,
                *options,
            ],
            log=folder / "mariadb.log",
            ready=self._answers,
        )

    def start(self) -> Self:
        """Start and wait until it answers queries."""
        self.process.start()
        return self

    def stop(self) -> None:
        """Shut down; the data stays for the next start()."""
        self.process.stop(grace=30)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Freeze the server during the block; connections stay open without responses."""
        self.process.freeze()
        try:
            yield
        finally:
            self.process.thaw()

    @contextlib.contextmanager
    def read_only(self) -> Iterator[None]:
        """Refuse writes of ordinary accounts (error 1290), as a demoted primary does."""
        self.execute("SET GLOBAL read_only = 1")
        try:
            yield
        finally:
            self.execute("SET GLOBAL read_only = 0")

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except pymysql.err.OperationalError:
            return False
        return True

    def _install(self) -> None:
        done = subprocess.run(
            [
                need(MARIADB_INSTALL_DB),
                "--no-defaults",
                *_user(),
                f"--datadir={self.folder / 'data'}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--skip-name-resolve",
                "--innodb-log-file-size=16M",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"mariadb-install-db failed:\n{done.stdout}\n{done.stderr}")


def _user() -> list[str]:
    """Return the option that permits running as root, as in containers."""
    return ["--user=root"] if os.geteuid() == 0 else []


@contextlib.contextmanager
def private_mariadb(*options: str) -> Iterator[MariaDB]:
    """Run a private server for the block, as durable as production.

    Skips when the caller provides a server instead.
    """
    need_private_database()
    with temporary_folder() as folder, _started(folder, options) as server:
        yield server


@contextlib.contextmanager
def database_server(*, durable: bool = True) -> Iterator[DatabaseServer]:
    """Give the caller's server (DOORWARD_TEST_DATABASE_URL), or a private one for the block.

    One that is not `durable` does not sync to disk; no test depends on that.
    """
    external = external_database_url()
    if external is not None:
        yield DatabaseServer(sa.make_url(external))
        return
    options = () if durable else _VOLATILE
    with temporary_folder(in_memory=not durable) as folder, _started(folder, options) as server:
        yield server


@contextlib.contextmanager
def _started(folder: Path, options: Sequence[str]) -> Iterator[MariaDB]:
    server = MariaDB(folder, options)
    try:
        yield server.start()
    finally:
        server.stop()  # also if the wait for the first response was interrupted
