"""The servers under measurement: a private MariaDB, and services as processes."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Final

from bench import seed_users
from doorward_identity.settings import IdentitySettings
from support.databases import Database, DatabaseServer
from support.mariadb import MariaDB, private_mariadb
from support.preloaded import PreloadedProcess
from support.processes import Process
from support.requirements import external_database_url
from support.servers import database_server
from support.services import Service, ServiceName, migrate

# All data fits into memory, so that no figure depends on a disk.
_DATABASE_OPTIONS: Final = ("--innodb-buffer-pool-size=4G", "--innodb-log-file-size=1G")
_TICKETS_CLIENT: Final = ("tickets", "the tickets service of the benchmark: 0123456789")
DEFAULTS: Final[Mapping[str, str]] = {
    f"DOORWARD_{name.upper()}": str(IdentitySettings.model_fields[name].default)
    for name in ("argon2_memory_kib", "argon2_time_cost", "argon2_parallelism", "rejection_delay_seconds")
}
"""Settings with the services' defaults, because the tests' services hash cheaply and reject at once."""


class MeasuredService(Service):
    """A service with an interpreter of its own, whose command may be changed.

    Those of tests are forked from a process with all services, so they would have its memory and its cores.
    """

    def _spawn(self, output: IO[bytes]) -> "subprocess.Popen[bytes] | PreloadedProcess":
        return super(Service, self)._spawn(output)


class Machine:
    """A database server, and processes that are pinned to cores.

    Servers under measurement run on the first core, the client on the last. The database may use every
    core.
    """

    def __init__(self, folder: Path, database_server: DatabaseServer, stop: contextlib.ExitStack) -> None:
        self._cores = sorted(os.sched_getaffinity(0))
        self.server_core: Final = self._cores[0]
        self.client_core: Final = self._cores[-1]
        self.folder: Final = folder
        self._database_server = database_server
        self._stop = stop
        self._logs = 0

    @property
    def database_process(self) -> Process | None:
        """The database server's process, unless the caller provides the server."""
        return self._database_server.process if isinstance(self._database_server, MariaDB) else None

    def new_database(self, label: str) -> Database:
        return self._stop.enter_context(self._database_server.create_database(label))

    def pin(self, process: Process, *, one_core: bool) -> None:
        """Run a process on the servers' core or on all cores; otherwise it inherits the client's core."""
        process.command = self._pinned(process.command, [self.server_core] if one_core else self._cores)

    def confine(self, process: Process) -> None:
        """Move a running process to the servers' core, which it and its threads then stay on."""
        for thread in Path(f"/proc/{process.pid}/task").iterdir():
            with contextlib.suppress(ProcessLookupError):  # a thread that ended meanwhile
                os.sched_setaffinity(int(thread.name), {self.server_core})

    def pinned_command(self, *command: str) -> list[str]:
        """Return the command that runs `command` on the servers' core."""
        return self._pinned(command, [self.server_core])

    def start(self, process: Process) -> None:
        """Start a process; it stops at the end of the run at the latest."""
        self._stop.enter_context(process)

    def new_log(self, name: str) -> Path:
        self._logs += 1
        return self.folder / f"{name}-{self._logs}.log"

    def _pinned(self, command: Sequence[str], cores: Sequence[int]) -> list[str]:
        return ["taskset", "--cpu-list", ",".join(map(str, cores)), *command]


class Stack:
    """A database with users, and processes that serve them."""

    def __init__(self, machine: Machine, users: int) -> None:
        self.machine = machine
        self._database = machine.new_database("bench")
        migrate(self._database.url)
        self.users = seed_users.create(self._database.url, users)
        self._auth: Service | None = None

    @property
    def database_url(self) -> str:
        """The database of auth and users."""
        return self._database.url

    def service(
        self, name: ServiceName, *, one_core: bool = True, settings: Mapping[str, str] | None = None
    ) -> Service:
        """Start auth or users, with settings in addition to the usual ones."""
        service = self.stopped_service(name, one_core=one_core, settings=settings)
        self.machine.start(service)
        return service

    def stopped_service(
        self, name: ServiceName, *, one_core: bool = False, settings: Mapping[str, str] | None = None
    ) -> Service:
        """Return a service that the caller starts and stops."""
        env = {**auth_settings(), **(settings or {})}
        service = MeasuredService(
            name, database_url=self._database.url, log=self.machine.new_log(name), env=env
        )
        self.machine.pin(service, one_core=one_core)
        return service

    def tickets(self, database: Database) -> Service:
        """Start the tickets service on a database of its own, and auth, which it polls for revocations."""
        self._auth = self._auth or self.service("auth", one_core=False)
        log = self.machine.new_log("tickets")
        settings = tickets_settings(self._auth.url)
        service = MeasuredService("tickets", database_url=database.url, log=log, env=settings)
        self.machine.pin(service, one_core=True)
        self.machine.start(service)
        return service

    def baseline_app(self) -> Service:
        """Start FastAPI alone (see baseline_app.py)."""
        return self._program([sys.executable, "-m", "bench.baseline_app"])

    def standalone(self) -> Service:
        """Start all services in one process."""
        tickets = self.machine.new_database("standalone")
        return self._program(
            [sys.executable, "-m", "doorward", "serve"], {"DOORWARD_TICKETS_DATABASE_URL": tickets.url}
        )

    def profiled(self, name: ServiceName, report: Path) -> Service:
        """Start a service under a profiler (see profiler.py)."""
        return self._program([sys.executable, "-m", "bench.profiler", name, str(report)])

    def statements(self) -> int:
        """Return the number of statements since the database started, from all clients."""
        return int(self._database.execute("SHOW GLOBAL STATUS LIKE 'Questions'")[0][1])

    def _program(self, command: list[str], settings: Mapping[str, str] | None = None) -> Service:
        """Start another program with the environment of a service."""
        log = self.machine.new_log("program")
        env = {**DEFAULTS, "DOORWARD_DATA_DIR": str(self.machine.folder / "var"), **(settings or {})}
        service = MeasuredService("auth", database_url=self._database.url, log=log, env=env)
        service.command = command
        self.machine.pin(service, one_core=True)
        self.machine.start(service)
        return service


def auth_settings() -> dict[str, str]:
    """Return the settings of auth and users in addition to those of the tests' services."""
    return {
        **DEFAULTS,
        "DOORWARD_OAUTH_CLIENTS": json.dumps(dict([_TICKETS_CLIENT])),
        # The users of the benchmark sort by address.
        "DOORWARD_DIRECTORY_VISIBILITY": "members",
    }


def tickets_settings(auth_url: str) -> dict[str, str]:
    """Return the settings of tickets in addition to those of the tests' services."""
    return {
        "DOORWARD_AUTH_URL": f"{auth_url}/api/v1/auth",
        "DOORWARD_USERS_URL": f"{auth_url}/api/v1/users",  # unused, because no ticket is created
        "DOORWARD_CLIENT_ID": _TICKETS_CLIENT[0],
        "DOORWARD_CLIENT_SECRET": _TICKETS_CLIENT[1],
    }


@contextlib.contextmanager
def running_machine() -> Iterator[Machine]:
    """Start a database server for the block; stop every process afterwards."""
    with contextlib.ExitStack() as stop:
        folder = Path(stop.enter_context(tempfile.TemporaryDirectory(prefix="doorward-bench-")))
        external = external_database_url() is not None
        server = stop.enter_context(database_server() if external else private_mariadb(*_DATABASE_OPTIONS))
        yield Machine(folder, server, stop)
