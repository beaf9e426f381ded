"""Setups for races: one process on SQLite, or three on MariaDB with the shipped database privileges."""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx2

from doorward_identity.schema import PACKAGE
from integration.harness.bulk_users import enrol
from integration.harness.databases import migrate_all
from integration.harness.installation import AUTH, CLIENT, USERS, Installation, tokens_of
from integration.harness.people import PASSWORD
from integration.self_service.flows import Api, Flows
from integration.self_service.mailbox import Mailbox
from support.chain import service_account
from support.databases import Database
from support.services import PATIENT, Service, ServiceName

T = TypeVar("T")

_PATIENCE_SECONDS: Final = 30.0
"""A generous limit; the tests of sessions check the promised two seconds."""

# A process sends its own mail at once. Polls find what another process has left, and go on between tests.
_MAIL: Final = {"mail_poll_seconds": 1, "mailbox_size": 10_000}
_sources: Final = itertools.count(1)


class Processes:
    """Two auth processes and one users process; requests to auth go to them in turn."""

    def __init__(self, database: Database, folder: Path, mailbox: Path) -> None:
        env = {f"DOORWARD_{name.upper()}": str(value) for name, value in _MAIL.items()}
        env |= {
            **PATIENT,
            "DOORWARD_REGISTRATION": "open",
            "DOORWARD_MAILBOX_DIR": str(mailbox),
            "DOORWARD_OAUTH_CLIENTS": json.dumps(dict([CLIENT])),
        }

        def service(name: ServiceName, log: str) -> Service:
            return Service(name, database_url=service_account(database, name), log=folder / log, env=env)

        self.auths: Final = (service("auth", "auth-1.log"), service("auth", "auth-2.log"))
        self.users: Final = service("users", "users.log")
        self._turns = itertools.cycle(self.auths)
        self._client = httpx2.Client(timeout=30.0, limits=httpx2.Limits(max_connections=100))

    @property
    def all(self) -> list[Service]:
        """Every process."""
        return [*self.auths, self.users]

    def call(
        self,
        method: str,
        path: str,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> httpx2.Response:
        """Send one request."""
        service = self.users if path.startswith(USERS) else next(self._turns)
        bearer = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self._client.request(
            method, service.url + path, headers={**(headers or {}), **bearer}, **options
        )

    def close(self) -> None:
        """Close every connection."""
        self._client.close()


@dataclass(frozen=True)
class RaceSetup:
    """The services to race against. `behind` runs statements in their database directly."""

    api: Api
    mailbox: Mailbox
    behind: Installation
    processes: Processes | None

    def flows(self) -> Flows:
        """Return flows with a unique client IP, because mail is rate limited by source."""
        number = next(_sources)
        return Flows(
            self.api, self.mailbox, {"X-Forwarded-For": f"198.51.{number // 250}.{number % 250 + 1}"}
        )

    def admin(self) -> str:
        """Return the access token of a new administrator."""
        [member] = enrol(self.behind.database_url, 1, role="admin")
        return tokens_of(self.flows().log_in(member.email, PASSWORD)).access

    def fresh(self) -> None:
        """Reset the rate limits, because in one process all clients share one IP."""
        self.behind.execute("DELETE FROM rate_limits")

    def is_soon_rejected(self, token: str) -> bool:
        """Whether every process rejects an access token within a timeout."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        paths = (f"{AUTH}/me", f"{AUTH}/me", f"{USERS}/me")  # two auth processes, in turn
        while any(self.api.call("GET", path, token).status_code != 401 for path in paths):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True


def at_once(count: int, act: Callable[[int], T]) -> list[T]:
    """Run a function `count` times in parallel; return the results in order."""
    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(act, range(count)))


def race(*acts: Callable[[], T]) -> list[T]:
    """Run different functions in parallel; return the results in order."""
    return at_once(len(acts), lambda number: acts[number]())


@contextmanager
def in_one_process(url: str, folder: Path) -> Iterator[RaceSetup]:
    """Run both services in this process, on SQLite."""
    mailbox = folder / "mailbox"
    _migrate(url)
    with Installation(url, mailbox_dir=mailbox, **_MAIL) as installation:
        yield RaceSetup(installation, Mailbox(installation.execute, mailbox), installation, None)


@contextmanager
def in_processes(database: Database, folder: Path) -> Iterator[RaceSetup]:
    """Run three processes, each with the database privileges that its service is shipped with."""
    mailbox = folder / "mailbox"
    _migrate(database.url)
    processes = Processes(database, folder, mailbox)
    with ExitStack() as stack, ThreadPoolExecutor() as threads:
        behind = Installation(database.url)  # not entered: it serves nothing
        stack.callback(behind.engine.dispose)
        stack.callback(processes.close)
        for service in processes.all:
            stack.callback(service.stop)
        list(threads.map(lambda service: service.start(), processes.all))
        yield RaceSetup(processes, Mailbox(behind.execute, mailbox), behind, processes)


def _migrate(url: str) -> None:
    migrate_all(url, PACKAGE)
