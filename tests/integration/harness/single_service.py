"""All services in one process, with a user and a ticket."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from integration.harness.installation import AUTH, TICKETS, USERS
from integration.harness.people import PASSWORD
from integration.harness.tickets import TICKET
from support.standalone import Standalone


@dataclass(frozen=True, slots=True)
class SingleService:
    """The process, headers of an administrator, and the paths of the user Ada and of her ticket."""

    client: httpx2.Client
    admin: dict[str, str]
    person: str
    ticket: str
    mailbox_page: str


@contextmanager
def running_single_service(folder: Path) -> Iterator[SingleService]:
    """Run the process on a new database."""
    with (
        Standalone(folder, DOORWARD_ADMIN_PASSWORD=PASSWORD) as process,
        httpx2.Client(base_url=process.url, timeout=20) as client,
    ):
        admin = _log_in(client, "admin@example.com")
        ada = {"email": "ada@example.com", "name": "Ada", "password": PASSWORD}
        person = _created(client.post(USERS, headers=admin, json=ada))
        ticket = _created(client.post(TICKETS, headers=_log_in(client, ada["email"]), json=dict(TICKET)))
        yield SingleService(client, admin, f"{USERS}/{person}", f"{TICKETS}/{ticket}", process.mailbox_page)


def _log_in(client: httpx2.Client, email: str) -> dict[str, str]:
    answer = client.post(f"{AUTH}/token", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def _created(answer: httpx2.Response) -> str:
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])
