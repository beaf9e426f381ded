"""Auth and users as separate processes, also over a database server that tests may break."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx2

from doorward_identity.schema import PACKAGE
from integration.harness.databases import migrate_all
from integration.harness.installation import AUTH, SECRET_KEY, USERS, Installation
from integration.harness.people import People, populate
from integration.harness.revocation_reads import HANG_SECONDS, wait_until_rejected
from support.databases import Database, DatabaseServer
from support.private_server import PrivateServer
from support.probes import http_status
from support.services import Service
from support.standalone import Standalone

ANSWER_SECONDS: Final = 20.0
"""Maximum time of a response in any state of the database. The services' own timeouts are three seconds."""

STARTS: Final = int(os.environ.get("DOORWARD_TEST_STARTS", "4"))
"""Starts of each service that are watched for a revoked token."""


@dataclass(frozen=True)
class Answer:
    """A response and its duration."""

    response: httpx2.Response
    seconds: float

    @property
    def status(self) -> int:
        return self.response.status_code


class Deployment:
    """One migrated database and one process for each service."""

    def __init__(self, database_url: str, folder: Path, **env: str) -> None:
        self.database_url = database_url
        self.folder = folder
        migrate_all(database_url, PACKAGE)
        env = {"DOORWARD_SECRET_KEY": SECRET_KEY, **env}
        self.auth = Service("auth", database_url=database_url, log=folder / "auth.log", env=env)
        self.users = Service("users", database_url=database_url, log=folder / "users.log", env=env)
        # Each request uses a new connection, so that a test never reuses a broken one.
        self.client = httpx2.Client(timeout=HANG_SECONDS, limits=httpx2.Limits(max_keepalive_connections=0))

    @property
    def services(self) -> tuple[Service, Service]:
        return self.auth, self.users

    def people(self) -> People:
        """Create exactly four users in the empty directory."""
        with Installation(self.database_url) as installation:
            return populate(installation)

    def call(self, method: str, path: str, token: str | None = None, **options: Any) -> Answer:
        """Send one request on a new connection; raises httpx2.TransportError if it breaks."""
        service = self.auth if path.startswith(AUTH) else self.users
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        started = time.perf_counter()
        response = self.client.request(method, service.url + path, headers=headers, **options)
        return Answer(response, time.perf_counter() - started)

    def wait_until_rejected(self, service: Service, token: str) -> None:
        """Wait until a service rejects an access token that was revoked."""
        path = f"{USERS if service.name == 'users' else AUTH}/me"
        wait_until_rejected(
            lambda: self.call("GET", path, token).status != 401,
            lambda: self.client.get(f"{service.url}/metrics").text,
            service.log.stem,
        )

    def probe(self, path: str) -> list[int | None]:
        """Return the status of an operations route of every service."""
        return [http_status(service.port, path) for service in self.services]

    def wait_until_ready(self) -> None:
        """Wait until every service is ready again."""
        wait_until(lambda: self.probe("/readyz") == [200, 200], "ready")

    def __enter__(self) -> Self:
        for service in self.services:
            service.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.client.close()
        for service in self.services:
            service.stop()


class FragileDeployment(Deployment):
    """A deployment over a private server, with direct access to its data."""

    def __init__(self, server: PrivateServer, database: Database, folder: Path) -> None:
        self.server = server
        self.database = database
        super().__init__(database.url, folder)

    def restore(self) -> None:
        """Restore everything that a test broke."""
        if not self.server.process.alive:
            self.server.start()
        for service in self.services:
            if not service.alive:
                service.start()
        self.wait_until_ready()


def wait_until(condition: Callable[[], bool], what: str, seconds: float = HANG_SECONDS) -> float:
    """Wait for a condition; return the duration, or fail the test after a timeout.

    The test fails only if a check that began after the timeout is false; a slow check alone does not fail it.
    """
    started = time.monotonic()
    while True:
        looked = time.monotonic() - started
        if condition():
            return time.monotonic() - started
        assert looked < seconds, f"not {what} within {seconds} s"
        time.sleep(0.05)


def wait_until_a_row_is_waited_for(database: Database | DatabaseServer) -> None:
    """Wait until some transaction waits for the lock of a row, or fail the test."""
    wait_until(lambda: rows_waited_for(database) > 0, "waiting for a row")


def rows_waited_for(database: Database | DatabaseServer) -> int:
    """Count the transactions that wait for the lock of a row."""
    # Not innodb_trx, because it caches its rows for a tenth of a second.
    return int(database.execute("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'")[0][1])


def answers_from_the_start(
    service: Service | Standalone, client: httpx2.Client, url: str, token: str
) -> list[int]:
    """Start a stopped process; return its answers to a token until it is ready, from its first moment on."""
    headers = {"Authorization": f"Bearer {token}"}
    answers: list[int] = []

    def ask_until_ready() -> bool:
        try:
            answers.append(client.get(url, headers=headers).status_code)
        except httpx2.ConnectError:
            return False
        return http_status(service.port, "/readyz") == 200

    ready, service._ready = service._ready, ask_until_ready
    try:
        service.start()
    finally:
        service._ready = ready
    return answers


def start_alive(service: Service) -> None:
    """Start a service that cannot become ready, and wait until it is alive."""
    service._ready = lambda: http_status(service.port, "/livez") == 200
    try:
        service.start()
    finally:
        service._ready = lambda: http_status(service.port, "/readyz") == 200


@contextlib.contextmanager
def row_locked(database: Database, statement: str, *arguments: object) -> Iterator[Callable[[], None]]:
    """Hold the locks that a statement takes; the block gets the function that releases them."""
    connection = database.server.connect(database.name)
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(statement, arguments or None)
        yield connection.rollback
        connection.rollback()
