"""MySQL 9 for tests: a private server in the folder that tests/mysql/install.sh makes, and its clients."""

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from support.certificates import self_signed
from support.private_server import PrivateServer
from support.processes import Process
from support.reaper import temporary_folder
from support.requirements import fail_or_skip, mysql_root

NAME: Final = "database.example"
"""The name that its certificate has besides 127.0.0.1. Tests say where it is."""

_OPTIONS: Final = (
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--mysqlx=OFF",
    "--max-connections=250",
    "--innodb-redo-log-capacity=16M",
)
# MySQL's own values, binary log included. They are named because tests that kill the server rely on them.
_DURABLE: Final = (
    "--log-bin=binary",
    "--sync-binlog=1",
    "--innodb-flush-log-at-trx-commit=1",
    "--innodb-doublewrite=ON",
)
_VOLATILE: Final = (
    "--skip-log-bin",
    "--innodb-flush-method=nosync",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=OFF",
    "--innodb-fast-shutdown=2",
)


class MySQL(PrivateServer):
    """A private MySQL 9, which runs in a root folder with the libraries that it needs."""

    def __init__(self, root: Path, folder: Path, options: Sequence[str]) -> None:
        """Prepare its data in a folder below the root; start() runs the server on it."""
        super().__init__(folder)
        self.root = root
        certificate = self_signed(folder, NAME)
        self.tls_environment = {"DOORWARD_DATABASE_TLS_CA_FILE": str(certificate.authority)}
        init_file = self._write_init_file("CREATE USER IF NOT EXISTS")
        shutil.copytree(root / "empty", folder / "data")
        self.process = Process(
            "mysqld",
            [
                "chroot",
                root,
                "mysqld",
                "--no-defaults",
                "--user=root",
                f"--datadir={self.inside(folder / 'data')}",
                f"--tmpdir={self.inside(folder)}",
                f"--socket={self.inside(folder / 'mysql.sock')}",
                f"--pid-file={self.inside(folder / 'mysql.pid')}",
                f"--init-file={self.inside(init_file)}",
                f"--ssl-ca={self.inside(certificate.authority)}",
                f"--ssl-cert={self.inside(certificate.pem)}",
                f"--ssl-key={self.inside(certificate.pem)}",
                f"--port={self.port}",
                *_OPTIONS,
                *options,
            ],
            log=folder / "mysqld.log",
            ready=self._answers,
        )

    def inside(self, path: Path) -> Path:
        """Return a path as the server sees it."""
        return "/" / path.relative_to(self.root)


@contextlib.contextmanager
def private_mysql(*, durable: bool = True) -> Iterator[MySQL]:
    """Run a private MySQL for the block.

    One that is not `durable` does not sync to disk; no test depends on that.
    """
    root = mysql_root()
    if root is None:
        fail_or_skip("needs the MySQL of tests/mysql/install.sh: `make mysql-test`")
    with temporary_folder(root) as folder:
        server = MySQL(root, folder, _DURABLE if durable else _VOLATILE)
        with server.running():
            yield server
