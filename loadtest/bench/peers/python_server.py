"""Servers of Python packages with environments of their own."""

import subprocess
from collections.abc import Mapping, Sequence
from typing import Final

from bench.peers import environments
from bench.peers.people import PASSWORD
from bench.stack import Machine
from support.databases import Database
from support.ports import free_port
from support.probes import http_status
from support.processes import Process, inherited_environment
from support.services import SECRET_KEY

_VERSIONS: Final = (
    "import sys; from importlib.metadata import version as v; print(*map(v, sys.argv[1:]), sep='\\n')"
)


class PythonServer(Process):
    """Runs `python -m` of a peer's environment on the servers' core; `{port}` in arguments is its port."""

    def __init__(self, machine: Machine, package: str, database: Database, arguments: Sequence[str]) -> None:
        self.port = free_port()
        given = [argument.replace("{port}", str(self.port)) for argument in arguments]
        super().__init__(
            package,
            [environments.python_of(package), "-m", *given],
            log=machine.new_log(package),
            ready=lambda: http_status(self.port, "/readyz") == 200,
            env=_settings(database),
        )
        machine.pin(self, one_core=True)


def store_users(package: str, database: Database, count: int, with_password: int) -> None:
    """Create the tables and the users of a peer."""
    _run(
        package,
        ["-m", f"bench.peers.{package}", str(count), str(with_password), PASSWORD],
        _settings(database),
    )


def versions(package: str, *names: str) -> Mapping[str, str]:
    """Return the versions of libraries in a peer's environment."""
    return dict(zip(names, _run(package, ["-c", _VERSIONS, *names], {}).splitlines(), strict=True))


def _settings(database: Database) -> dict[str, str]:
    return {"PEER_DATABASE_URL": database.url, "PEER_SECRET_KEY": SECRET_KEY}


def _run(package: str, arguments: Sequence[str], settings: Mapping[str, str]) -> str:
    done = subprocess.run(
        [environments.python_of(package), *arguments],
        env={**inherited_environment(), **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{package}: {done.stderr[-4_000:]}")
    return done.stdout
