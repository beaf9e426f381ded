"""The services as separate processes, and the admin commands, run like an operator."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal

from support import preloaded
from support.loopback import HOST, LOOPBACK
from support.ports import free_port
from support.preloaded import Constants, PreloadedProcess
from support.probes import http_status
from support.processes import Process, inherited_environment
from support.requirements import need_package

ServiceName = Literal["auth", "users", "tickets"]

SECRET_KEY: Final = "tests-only-" + "0123456789abcdef" * 3
# Hashes that cost microseconds; tests of hashing set their own parameters.
CHEAP_HASHES: Final[Mapping[str, str]] = {
    "DOORWARD_ARGON2_MEMORY_KIB": "64",
    "DOORWARD_ARGON2_TIME_COST": "1",
    "DOORWARD_ARGON2_PARALLELISM": "1",
}
# Tests of the wait set their own.
NO_REJECTION_DELAY: Final[Mapping[str, str]] = {"DOORWARD_REJECTION_DELAY_SECONDS": "0"}
# Tests of quotas set their own.
NO_QUOTAS: Final[Mapping[str, str]] = {
    "DOORWARD_TICKETS_PER_HOUR": "100000",
    "DOORWARD_REPLIES_PER_HOUR": "100000",
}
# Long timeouts for tests that do not measure time, because a burst is slow on a slow machine.
PATIENT: Final[Mapping[str, str]] = {
    "DOORWARD_DATABASE_TIMEOUT_SECONDS": "15",
    "DOORWARD_HASH_QUEUE_TIMEOUT_SECONDS": "15",
    "DOORWARD_USERS_TIMEOUT_SECONDS": "10",
}
_COMMAND_SECONDS: Final = 240


@dataclass(frozen=True)
class Admin:
    """The first administrator's login."""

    email: str = "admin@example.com"
    password: str = "correct horse battery staple 7"


class Service(Process):
    """One service process on a port of LOOPBACK; restart() keeps the port."""

    def __init__(
        self,
        name: ServiceName,
        *,
        database_url: str,
        log: Path,
        env: Mapping[str, str] | None = None,
        constants: Constants | None = None,
    ) -> None:
        """Prepare it; `env` overrides any DOORWARD_ variable set here.

        `constants` override constants of modules, for tests that must not depend on the speed of the machine.
        """
        need_package(f"doorward_{name}")
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self._package = f"doorward_{name}"
        self._constants = constants or {}
        super().__init__(
            name,
            [sys.executable, "-m", self._package],
            log=log,
            ready=lambda: http_status(self.port, "/readyz") == 200,
            env={
                "DOORWARD_HOST": LOOPBACK,
                "DOORWARD_PORT": str(self.port),
                "DOORWARD_DATABASE_URL": database_url,
                "DOORWARD_SECRET_KEY": SECRET_KEY,
                "DOORWARD_TRUSTED_PROXIES": "127.0.0.1/32,::1/128",
                "DOORWARD_TRUST_PROXY_REQUEST_ID": "true",
                **CHEAP_HASHES,
                **NO_QUOTAS,
                **NO_REJECTION_DELAY,
                **(env or {}),
            },
        )

    def _spawn(self, output: IO[bytes]) -> "subprocess.Popen[bytes] | PreloadedProcess":
        return PreloadedProcess(self._package, env=self.env, stdout=output, constants=self._constants)

    def log_events(self) -> list[dict[str, object]]:
        """Return the JSON lines of its log, in order; other lines (tracebacks) are left out."""
        lines = (line for line in self.log_text().splitlines() if line.startswith("{"))
        return [json.loads(line) for line in lines]


def migrate(database_url: str) -> None:
    """Bring the schema of a database up to date, as the migration Job does."""
    run_command("migrate", {"DOORWARD_DATABASE_URL": database_url})


def migrate_tickets(database_url: str) -> None:
    """Bring the schema of tickets' own database up to date, as its migration Job does."""
    run_command("migrate", {"DOORWARD_TICKETS_DATABASE_URL": database_url})


def create_admin(database_url: str, admin: Admin | None = None) -> Admin:
    """Create the first administrator by the one-shot command; return the login."""
    login = admin or Admin()
    run_command(
        "create-admin",
        {
            "DOORWARD_DATABASE_URL": database_url,
            "DOORWARD_ADMIN_EMAIL": login.email,
            "DOORWARD_ADMIN_PASSWORD": login.password,
            **CHEAP_HASHES,
        },
    )
    return login


def run_command(command: str, env: Mapping[str, str], *words: str, package: str = "doorward") -> str:
    """Run `python -m PACKAGE COMMAND WORDS` and return its output; raises if it fails."""
    need_package(package)
    environment = {**inherited_environment(), "DOORWARD_SECRET_KEY": SECRET_KEY, **env}
    done = preloaded.run(package, [command, *words], env=environment, timeout=_COMMAND_SECONDS)
    if done.returncode != 0:
        raise RuntimeError(f"{package} {command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout
