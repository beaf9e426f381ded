"""Tickets as a process of its own: its own database, its own name at auth, and auth's list of revoked tokens."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.harness.deployment import Deployment, wait_until
from integration.harness.installation import AUTH, SECRET_KEY, TICKETS, USERS
from integration.harness.people import PASSWORD
from integration.harness.tickets import TICKET
from support.databases import Database, DatabaseServer
from support.processes import inherited_environment
from support.services import Service

CLIENT = ("tickets", "the tickets service of the tests: 0123456789")


@pytest.fixture(scope="module")
def databases(mariadb_server: DatabaseServer) -> Iterator[tuple[Database, Database]]:
    with mariadb_server.create_database("id") as identity, mariadb_server.create_database("tk") as own:
        yield identity, own


class Chain(Deployment):
    """Auth and users over one database, tickets over another, which no account of theirs can read."""

    def __init__(self, identity: Database, own: Database, folder: Path) -> None:
        super().__init__(identity.url, folder, DOORWARD_SERVICE_CLIENTS=json.dumps(dict([CLIENT])))
        subprocess.run(
            [sys.executable, "-m", "doorward_tickets", "migrate"],
            env={**inherited_environment(), "DOORWARD_DATABASE_URL": own.url},
            check=True,
            timeout=60,
        )
        rights = dict.fromkeys(("tickets", "replies", "people"), "SELECT, INSERT, UPDATE")
        rights["ticket_words"] = "SELECT, INSERT"
        rights |= {"idempotency_keys": "SELECT, INSERT, UPDATE, DELETE", "tickets_schema": "SELECT"}
        self.tickets = Service(
            "tickets",
            database_url=own.account("tickets", rights),
            log=folder / "tickets.log",
            env={
                "DOORWARD_SECRET_KEY": SECRET_KEY,
                "DOORWARD_AUTH_URL": f"{self.auth.url}{AUTH}",
                "DOORWARD_CLIENT_ID": CLIENT[0],
                "DOORWARD_CLIENT_SECRET": CLIENT[1],
                "DOORWARD_USERS_URL": f"{self.users.url}{USERS}",
            },
        )

    def ticket(self, method: str, path: str, token: str, **options: object) -> tuple[int, dict[str, object]]:
        """Send one request to tickets; return the status and the document."""
        headers = {"Authorization": f"Bearer {token}"}
        response = self.client.request(method, self.tickets.url + path, headers=headers, **options)  # type: ignore[arg-type]  # json
        return response.status_code, response.json()

    def log_in(self, email: str) -> str:
        """Return an access token of somebody."""
        answer = self.call("POST", f"{AUTH}/token", json={"email": email, "password": PASSWORD})
        assert answer.status == 200, answer.response.text
        return str(answer.response.json()["access_token"])


@pytest.fixture(scope="module")
def chain(databases: tuple[Database, Database], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with Chain(*databases, tmp_path_factory.mktemp("chain")) as chain:
        chain.people()
        with chain.tickets:
            yield chain


def test_an_account_with_the_rights_of_its_tables_is_enough(chain: Chain) -> None:
    token, admin = chain.log_in("user@example.com"), chain.log_in("admin@example.com")
    status, ticket = chain.ticket("POST", TICKETS, token, json=dict(TICKET))
    assert (status, ticket["author"]["name"]) == (201, "User")  # type: ignore[index]  # a JSON object
    path = f"{TICKETS}/{ticket['id']}"
    assert chain.ticket("POST", f"{path}/replies", admin, json={"text": "Coming."})[0] == 201
    assert chain.ticket("PATCH", path, admin, json={"priority": "high"})[0] == 200
    assert chain.ticket("PATCH", f"{path}/close", token)[1]["status"] == "closed"
    assert len(chain.ticket("GET", f"{TICKETS}?q=printer", token)[1]["items"]) == 1  # type: ignore[arg-type]  # a JSON array


def test_a_request_has_one_id_in_every_service(chain: Chain) -> None:
    token = chain.log_in("user@example.com")
    headers = {"Authorization": f"Bearer {token}", "X-Request-ID": "one-id-for-both"}
    chain.client.post(chain.tickets.url + TICKETS, headers=headers, json=dict(TICKET))
    for service in (chain.tickets, chain.users):
        service.wait_for_log("one-id-for-both")


def test_a_logout_bites_here_too(chain: Chain) -> None:
    token = chain.log_in("user@example.com")
    assert chain.ticket("GET", TICKETS, token)[0] == 200
    assert chain.call("POST", f"{AUTH}/logout", token).status == 204
    wait_until(lambda: chain.ticket("GET", TICKETS, token)[0] == 401, 5, "refused")


def test_goes_on_without_auth_and_users(chain: Chain) -> None:
    token = chain.log_in("user@example.com")
    chain.auth.stop()
    chain.users.stop()
    try:
        status, ticket = chain.ticket("POST", TICKETS, token, json=dict(TICKET))
        assert (status, ticket["author"]["name"]) == (201, "User")  # type: ignore[index]  # a JSON object
        assert chain.ticket("GET", TICKETS, token)[0] == 200
    finally:
        chain.auth.start()
        chain.users.start()
