"""The servers under measurement: a private MariaDB, and service processes as operators run them."""

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from bench import people
from bench.people import People
from doorward_identity.settings import Argon2Settings
from support.databases import Database
from support.mariadb import database_server, private_mariadb
from support.ports import free_port
from support.probes import http_status
from support.processes import Process
from support.requirements import external_database_url
from support.services import SECRET_KEY, Service, ServiceName, migrate

# Everything fits: figures of this project, not of a disk.
_DATABASE_OPTIONS: Final = ("--innodb-buffer-pool-size=4G", "--innodb-log-file-size=1G")
_TICKETS_CLIENT: Final = ("tickets", "the tickets service of the benchmark: 0123456789")
# The tests' services hash cheaply; these as the defaults say.
REAL_HASHES: Final[Mapping[str, str]] = {
    f"DOORWARD_{name.upper()}": str(Argon2Settings.model_fields[name].default)
    for name in ("argon2_memory_kib", "argon2_time_cost", "argon2_parallelism")
}


class Stack:
    """One database with people in it, and processes that serve them.

    Processes under measurement are pinned to the first core; the client and the database stay on
    the last one, as machines of their own would.
    """

    def __init__(self, folder: Path, database: Database, users: People, stop: contextlib.ExitStack) -> None:
        self._cores = sorted(os.sched_getaffinity(0))
        self.people = users
        self.server_core: Final = self._cores[0]
        self.client_core: Final = self._cores[-1]
        self._folder = folder
        self._database = database
        self._stop = stop
        self._started = 0
        self._auth: Service | None = None

    def service(self, name: ServiceName, *, pinned: bool = True) -> Service:
        """Start auth or users."""
        service = self.stopped_service(name)
        if pinned:
            service.command = self._pinned(service.command, [self.server_core])
        return self._stop.enter_context(service)

    def stopped_service(self, name: ServiceName) -> Service:
        """Prepare a service that the caller starts and stops."""
        service = Service(name, database_url=self._database.url, log=self._log(name), env=REAL_HASHES)
        # The client's own core would be inherited otherwise.
        service.command = self._pinned(service.command, self._cores)
        return service

    def tickets(self, database: Database) -> Service:
        """Start the tickets service over a database of its own, and auth, which it asks what is revoked."""
        if self._auth is None:
            self._auth = self.stopped_service("auth")
            self._auth.env["DOORWARD_OAUTH_CLIENTS"] = json.dumps(dict([_TICKETS_CLIENT]))
            self._stop.enter_context(self._auth)
        service = Service(
            "tickets",
            database_url=database.url,
            log=self._log("tickets"),
            env={
                "DOORWARD_AUTH_URL": f"{self._auth.url}/api/v1/auth",
                "DOORWARD_USERS_URL": f"{self._auth.url}/api/v1/users",  # nobody writes
                "DOORWARD_CLIENT_ID": _TICKETS_CLIENT[0],
                "DOORWARD_CLIENT_SECRET": _TICKETS_CLIENT[1],
            },
        )
        service.command = self._pinned(service.command, [self.server_core])
        return self._stop.enter_context(service)

    def floor(self) -> "Server":
        """Start FastAPI alone (see floor.py)."""
        return self._server("floor", "bench.floor", [])

    def standalone(self) -> "Server":
        """Start both services in one process, on the one core."""
        return self._server("standalone", "doorward", ["serve"])

    def profiled(self, name: ServiceName, report: Path) -> "Server":
        """Start a service under a profiler (see profiled.py)."""
        return self._server("profiled", "bench.profiled", [name, str(report)])

    def rival(self, database: Database, arguments: Sequence[str]) -> "Server":
        """Start what refreshing is compared with (see rival), with gunicorn's `arguments`."""
        return self._server("rival", "gunicorn", ["-c", "python:bench.rival.serving", *arguments], database)

    def new_database(self, label: str) -> Database:
        """Create an empty database beside the services' own."""
        return self._stop.enter_context(self._database.server.create_database(label))

    def statements(self) -> int:
        """Count what the database was asked since it started, whoever asked."""
        return int(self._database.execute("SHOW GLOBAL STATUS LIKE 'Questions'")[0][1])

    def _server(
        self, name: str, module: str, arguments: list[str], database: Database | None = None
    ) -> "Server":
        command = self.pinned_command("-m", module, *arguments)
        server = Server(name, command, self._log(name), (database or self._database).url, self._folder)
        return self._stop.enter_context(server)

    def pinned_command(self, *arguments: str) -> list[str]:
        """Return the command that runs Python with `arguments` on the servers' core."""
        return self._pinned([sys.executable, *arguments], [self.server_core])

    def _pinned(self, command: list[str], cores: list[int]) -> list[str]:
        return [sys.executable, "-m", "bench.pinned", ",".join(map(str, cores)), *command]

    def _log(self, name: str) -> Path:
        self._started += 1
        return self._folder / f"{name}-{self._started}.log"


class Server(Process):
    """A process with a port that takes the services' environment."""

    def __init__(self, name: str, command: list[str], log: Path, database_url: str, folder: Path) -> None:
        self.port = free_port()
        super().__init__(
            name,
            command,
            log=log,
            ready=lambda: http_status(self.port, "/readyz") == 200,
            env={
                "DOORWARD_HOST": "127.0.0.1",
                "DOORWARD_PORT": str(self.port),
                "DOORWARD_DATABASE_URL": database_url,
                "DOORWARD_SECRET_KEY": SECRET_KEY,
                "DOORWARD_TRUSTED_PROXIES": "127.0.0.1/32,::1/128",
                "DOORWARD_DATA_DIR": str(folder / "var"),
                "DOORWARD_LOG_LEVEL": "info",
                **REAL_HASHES,
            },
        )


@contextlib.contextmanager
def running(count: int) -> Iterator[Stack]:
    """Give a database of `count` people for the block; stops everything behind it."""
    with contextlib.ExitStack() as stop:
        folder = Path(stop.enter_context(tempfile.TemporaryDirectory(prefix="doorward-bench-")))
        external = external_database_url() is not None
        server = stop.enter_context(database_server() if external else private_mariadb(*_DATABASE_OPTIONS))
        database = stop.enter_context(server.create_database("bench"))
        migrate(database.url)
        everybody = people.create(database.url, count)
        yield Stack(folder, database, everybody, stop)
