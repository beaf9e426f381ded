"""Two processes of each service, each pair over two nodes of a cluster."""

import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx2
import sqlalchemy as sa

from galera.cluster import Cluster, Node
from galera.load import Load, load_on, lost
from integration.harness.bulk_users import Member, enrol
from integration.harness.installation import AUTH, TICKETS, USERS
from integration.harness.people import PASSWORD
from integration.harness.tickets_chain import CLIENT
from support.databases import Database
from support.services import Service, ServiceName
from support.smtp import SmtpServer

REFRESH: Final = f"{AUTH}/refresh-token"

_AUTH_ENV: Final = {
    # A login in a loop is no attack here.
    "DOORWARD_MAX_SESSIONS": "1000",
    "DOORWARD_OAUTH_CLIENTS": json.dumps(dict([CLIENT])),
}


def on_node(url: str, node: Node) -> str:
    """Return the URL of the same database on another node."""
    return sa.make_url(url).set(port=node.port).render_as_string(hide_password=False)


class Spread:
    """Processes by service and node: auth on 1 and 2, users on 2 and 3, tickets on 1 and 3."""

    def __init__(
        self, cluster: Cluster, database: Database, tickets: Database, smtp: SmtpServer, folder: Path
    ) -> None:
        self.database = database
        self.tickets_database = tickets
        self.smtp = smtp
        self._cluster = cluster
        self._folder = folder
        self._stack = ExitStack()
        self.client = self._stack.enter_context(httpx2.Client(timeout=60))
        self.auth = self._pair("auth", (1, 2), database, _AUTH_ENV)
        self.users = self._pair("users", (2, 3), database, {})
        self.tickets = self._pair("tickets", (1, 3), tickets, self._tickets_env())
        self._numbers = itertools.count(1)

    def _tickets_env(self) -> dict[str, str]:
        return {
            "DOORWARD_AUTH_URL": f"{self.auth[1].url}{AUTH}",
            "DOORWARD_CLIENT_ID": CLIENT[0],
            "DOORWARD_CLIENT_SECRET": CLIENT[1],
            "DOORWARD_USERS_URL": f"{self.users[3].url}{USERS}",
            **self.smtp.service_env,
            "DOORWARD_MAIL_POLL_SECONDS": "0.05",
            "DOORWARD_NOTIFICATION_INTERVAL_SECONDS": "1",
        }

    def _pair(
        self, name: ServiceName, nodes: tuple[int, int], database: Database, env: Mapping[str, str]
    ) -> dict[int, Service]:
        return {number: self._service(name, number, database, env) for number in nodes}

    def _service(self, name: ServiceName, number: int, database: Database, env: Mapping[str, str]) -> Service:
        url = on_node(database.url, self._cluster[number])
        return Service(name, database_url=url, log=self._folder / f"{name}-{number}.log", env=env)

    def __enter__(self) -> Self:
        for service in (*self.auth.values(), *self.users.values(), *self.tickets.values()):
            self._stack.enter_context(service)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    @contextmanager
    def load(self) -> Iterator[tuple[Load, Load]]:
        """Write through both processes of each service during the block; the second load needs node 3."""
        urls = [
            {AUTH: self.auth[1].url, USERS: self.users[2].url, TICKETS: self.tickets[1].url},
            {AUTH: self.auth[2].url, USERS: self.users[3].url, TICKETS: self.tickets[3].url},
        ]
        with load_on(urls[0], self.database) as first, load_on(urls[1], self.database) as second:
            yield first, second

    def lost(self, load: Load) -> list[tuple[int, int, int]]:
        """Count for each node what it lacks of users and tickets, and its sessions that are wrongly live."""
        return [lost(load, node, self.database, self.tickets_database) for node in self._cluster.nodes]

    def member(self, role: str = "user") -> Member:
        """Create an account that can log in."""
        return enrol(self.database.url, 1, role=role)[0]

    def call(
        self, service: Service, method: str, path: str, token: str | None = None, **options: Any
    ) -> httpx2.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.client.request(method, service.url + path, headers=headers, **options)

    def new_source(self) -> dict[str, str]:
        """Return headers of a client that was not there before."""
        return {"X-Forwarded-For": f"10.0.{next(self._numbers) % 250}.{next(self._numbers) % 250}"}

    def try_login(self, node: int, member: Member, password: str = PASSWORD) -> httpx2.Response:
        """Log in, from an address of its own."""
        headers = self.new_source()
        login = {"email": member.email, "password": password}
        return self.client.post(f"{self.auth[node].url}{AUTH}/token", json=login, headers=headers)

    def log_in(self, node: int, member: Member, password: str = PASSWORD) -> dict[str, Any]:
        """Return the tokens of a login."""
        response = self.try_login(node, member, password)
        assert response.status_code == 200, response.text
        tokens: dict[str, Any] = response.json()
        return tokens

    def refresh(self, node: int, token: str) -> httpx2.Response:
        return self.client.post(f"{self.auth[node].url}{REFRESH}", json={"refresh_token": token})

    def audited(self, action: str) -> int:
        """Count the audit events of a kind, on a node that has everything."""
        [(count,)] = self.database.execute("SELECT COUNT(*) FROM audit_events WHERE action = %s", action)
        return int(count)
