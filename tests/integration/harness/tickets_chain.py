"""Tickets, auth and users as separate processes, with the privileges they need."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from integration.harness.deployment import Deployment
from integration.harness.installation import AUTH, SECRET_KEY, USERS
from integration.harness.people import PASSWORD
from support.chain import service_account
from support.databases import Database, DatabaseServer
from support.services import PATIENT, Service, migrate_tickets

CLIENT: Final = ("tickets", "the tickets service of the tests: 0123456789")


class Chain(Deployment):
    """Auth and users over one database, tickets over another, which the others cannot read.

    `env` is for tickets only. `more` are further replicas of tickets, which tests start themselves.
    """

    def __init__(self, identity: Database, own: Database, folder: Path, *, more: int = 0, **env: str) -> None:
        clients = {"DOORWARD_OAUTH_CLIENTS": json.dumps(dict([CLIENT]))}
        super().__init__(identity.url, folder, **PATIENT, **clients)
        self.identity = identity
        self.own = own
        migrate_tickets(own.url)
        given = {
            "DOORWARD_SECRET_KEY": SECRET_KEY,
            "DOORWARD_AUTH_URL": f"{self.auth.url}{AUTH}",
            "DOORWARD_CLIENT_ID": CLIENT[0],
            "DOORWARD_CLIENT_SECRET": CLIENT[1],
            "DOORWARD_USERS_URL": f"{self.users.url}{USERS}",
            **PATIENT,
            **env,
        }
        account = service_account(own, "tickets")
        self.tickets, *self.more = (
            Service("tickets", database_url=account, log=folder / f"tickets{number}.log", env=given)
            for number in range(more + 1)
        )

    def ticket(self, method: str, path: str, token: str, **options: Any) -> tuple[int, dict[str, Any]]:
        """Send one request to tickets; return the status and the document, empty without a body."""
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        response = self.client.request(method, self.tickets.url + path, headers=headers, **options)
        return response.status_code, response.json() if response.content else {}

    def log_in(self, email: str) -> str:
        """Log a user in and return the access token."""
        answer = self.call("POST", f"{AUTH}/token", json={"email": email, "password": PASSWORD})
        assert answer.status == 200, answer.response.text
        return str(answer.response.json()["access_token"])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for service in (self.tickets, *self.more):
            service.stop()
        super().__exit__(kind, error, traceback)


@contextmanager
def new_chain(server: DatabaseServer, folder: Path, *, more: int = 0, **env: str) -> Iterator[Chain]:
    """Run auth and users over new databases with four users; tests start tickets."""
    with (
        server.create_database("id") as identity,
        server.create_database("tk") as own,
        Chain(identity, own, folder, more=more, **env) as chain,
    ):
        chain.people()
        yield chain
