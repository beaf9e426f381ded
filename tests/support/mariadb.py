"""MariaDB for tests: a private server that tests may kill."""

import contextlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from support.loopback import LOOPBACK
from support.private_server import PrivateServer
from support.processes import Process
from support.reaper import temporary_folder
from support.requirements import MARIADB_INSTALL_DB, MARIADBD, need, need_private_database

# Small and quick to start, but as durable as production: tests that kill the server rely on
# innodb_flush_log_at_trx_commit=1. The collation is the default of the public image: a schema that
# forgets to say utf8mb4_bin shows it here.
_OPTIONS: Final = (
    f"--bind-address={LOOPBACK}",
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


class MariaDB(PrivateServer):
    """A private MariaDB."""

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        """Prepare an empty data folder (0.7 s); start() runs the server on it."""
        super().__init__(folder)
        init_file = self._write_init_file(
            "CREATE OR REPLACE USER",
            # The installer also makes roots without a password for 127.0.0.1 and ::1.
            "DELETE FROM mysql.global_priv WHERE User = 'root' AND Host <> 'localhost';",
            "FLUSH PRIVILEGES;",
        )
        install_data(folder / "data", *_user())
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


def install_data(folder: Path, *options: str) -> None:
    """Create an empty data folder. Its parent is of this server alone."""
    done = subprocess.run(
        [
            need(MARIADB_INSTALL_DB),
            "--no-defaults",
            *options,
            f"--datadir={folder}",
            # A server that starts deletes the temporary tables in its folder, also those of another server.
            f"--tmpdir={folder.parent}",
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
def private_mariadb(*options: str, durable: bool = True) -> Iterator[MariaDB]:
    """Run a private server for the block, as durable as production.

    One that is not `durable` does not sync to disk. Skips when the caller provides a server instead.
    """
    need_private_database()
    with temporary_folder(in_memory=not durable) as folder:
        server = MariaDB(folder, options if durable else (*_VOLATILE, *options))
        with server.running():
            yield server
