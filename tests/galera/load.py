"""Writes from several threads, and what the services said about each."""

import itertools
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

import httpx2

from galera.cluster import Node
from integration.harness.bulk_users import Member, enrol
from integration.harness.deployment import wait_until
from integration.harness.installation import AUTH, TICKETS, USERS
from integration.harness.people import PASSWORD
from integration.harness.tickets import TICKET
from support.databases import Database

_MEMBERS: Final = 2


@dataclass
class Load:
    """The answers that writers got, and when."""

    users: list[uuid.UUID] = field(default_factory=list)
    logouts: list[uuid.UUID] = field(default_factory=list)
    tickets: list[uuid.UUID] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    succeeded_at: list[float] = field(default_factory=list)
    slowest: float = 0.0

    @property
    def longest_gap(self) -> float:
        """The longest time without any success, in seconds."""
        times = sorted(self.succeeded_at)
        return max((later - earlier for earlier, later in itertools.pairwise(times)), default=0.0)

    def successes_since(self, moment: float) -> int:
        return sum(at > moment for at in self.succeeded_at)

    def __str__(self) -> str:
        return (
            f"{len(self.users)} users, {len(self.logouts)} logouts, {len(self.tickets)} tickets,"
            f" {dict(self.statuses)},"
            f" {self.longest_gap:.1f} s without success, slowest {self.slowest:.1f} s"
        )


class Sender:
    """Sends requests to services by the beginning of the path."""

    def __init__(self, services: Mapping[str, str]) -> None:
        self.load = Load()
        self.stop = threading.Event()
        self._services = services
        self._client = httpx2.Client(timeout=60)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._client.close()

    def send(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx2.Response:
        """Send a request, and note its status and its time."""
        [url] = [url for prefix, url in self._services.items() if path.startswith(prefix)]
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        started = time.monotonic()
        response = self._client.request(method, url + path, headers=headers, **options)
        ended = time.monotonic()
        with self._lock:
            self.load.statuses[response.status_code] += 1
            self.load.slowest = max(self.load.slowest, ended - started)
            if response.is_success:
                self.load.succeeded_at.append(ended)
        return response

    def token_of(self, member: Member) -> str:
        """Log in before the load begins, and return the access token."""
        login = {"email": member.email, "password": PASSWORD}
        response = self.send("POST", f"{AUTH}/token", json=login)
        assert response.status_code == 200, response.text
        return str(response.json()["access_token"])

    def create_users(self, token: str) -> None:
        """Create users until the end."""
        while not self.stop.is_set():
            body = {"email": f"load{uuid.uuid4().hex}@example.com", "name": "L", "password": PASSWORD}
            response = self.send("POST", USERS, token, json=body)
            if response.status_code == 201:
                self.load.users.append(uuid.UUID(response.json()["id"]))

    def create_tickets(self, token: str) -> None:
        """Create tickets until the end."""
        while not self.stop.is_set():
            response = self.send("POST", TICKETS, token, json=dict(TICKET))
            if response.status_code == 201:
                self.load.tickets.append(uuid.UUID(response.json()["id"]))

    def log_in_and_out(self, member: Member) -> None:
        """Log in and out until the end."""
        login = {"email": member.email, "password": PASSWORD}
        while not self.stop.is_set():
            opened = self.send("POST", f"{AUTH}/token", json=login)
            if opened.status_code != 200:
                continue
            token = opened.json()["access_token"]
            me = self.send("GET", f"{AUTH}/me", token)
            closed = self.send("POST", f"{AUTH}/logout", token)
            if me.status_code == 200 and closed.status_code == 204:
                self.load.logouts.append(uuid.UUID(me.json()["session_id"]))


@contextmanager
def load_on(services: Mapping[str, str], database: Database) -> Iterator[Load]:
    """Write from several threads during the block; `services` has a URL for the beginning of each path."""
    admin = enrol(database.url, 1, role="admin")[0]
    members = enrol(database.url, _MEMBERS)
    with Sender(services) as sender:
        token = sender.token_of(admin)
        jobs = [partial(sender.create_users, token), partial(sender.create_tickets, token)]
        jobs += [partial(sender.log_in_and_out, member) for member in members]
        with ThreadPoolExecutor(len(jobs)) as threads:
            running = [threads.submit(job) for job in jobs]
            try:
                wait_until(lambda: sender.load.successes_since(0) > 20, "under load")
                yield sender.load
            finally:
                sender.stop.set()
            for job in running:
                job.result()


def lost(load: Load, node: Node, database: Database, tickets: Database) -> tuple[int, int, int]:
    """Count acknowledged users and tickets that a node lacks, and sessions that are wrongly live."""
    with_users = _ids(node, database, "SELECT id FROM users")
    live = _ids(node, database, "SELECT id FROM sessions WHERE ended_at IS NULL")
    with_tickets = _ids(node, tickets, "SELECT id FROM tickets")
    return (
        len(set(load.users) - with_users),
        len(set(load.tickets) - with_tickets),
        len(set(load.logouts) & live),
    )


def _ids(node: Node, database: Database, query: str) -> set[uuid.UUID]:
    connection = node.connect(database.name)
    with connection, connection.cursor() as cursor:
        cursor.execute(query)
        return {uuid.UUID(bytes=value) for (value,) in cursor.fetchall()}
