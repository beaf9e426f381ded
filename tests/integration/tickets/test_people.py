"""Names in tickets: read when a user writes, and kept while the users service is unavailable."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import httpx2
import pytest
import sqlalchemy as sa

from doorward_kit import retries
from doorward_tickets.tables import user_snapshots as snapshot
from doorward_tickets.users.users_client import UsersClient
from integration.harness.installation import TICKETS, USERS, Installation
from integration.harness.people import People, Person, enrol
from integration.harness.problems import assert_problem
from integration.harness.tickets import TICKET, open_ticket, path_of, stored, tickets_execute


class Answering(httpx2.AsyncBaseTransport):
    """Gives every request the same response."""

    def __init__(self, status: int, body: object = None) -> None:
        self.asked = 0
        self._status, self._body = status, body

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked += 1
        if self._status == 0:
            raise httpx2.ConnectTimeout("unreachable", request=request)
        return httpx2.Response(self._status, json=self._body, request=request)


@contextmanager
def users_answering(installation: Installation, status: int, body: object = None) -> Iterator[Answering]:
    """Set the status of the users service; 0 means unreachable."""
    transport = Answering(status, body)
    users = installation.tickets_app.state.services.users
    stub = UsersClient(f"http://users{USERS}", timeout=1, transport=transport)
    real = users._client, users._breaker
    users._client, users._breaker = stub._client, stub._breaker
    # Its pause is longer than the test, also on a slow machine.
    with patch.object(retries, "_FIRST_PAUSE_SECONDS", retries.LONGEST_PAUSE_SECONDS):
        yield transport
    users._client, users._breaker = real


def rename(installation: Installation, person: Person, name: str) -> None:
    response = installation.call("PATCH", f"{USERS}/me", person.access, json={"name": name})
    assert response.status_code == 200


def test_a_new_name_is_shown_after_the_users_next_change(installation: Installation, people: People) -> None:
    path = path_of(open_ticket(installation, people.user))
    rename(installation, people.user, "Ada Lovelace")

    def shown() -> str:
        return str(installation.call("GET", path, people.admin.access).json()["author"]["name"])

    assert shown() == "User"
    tag = installation.call("GET", path, people.admin.access).headers["etag"]
    installation.call("POST", f"{path}/replies", people.admin.access, json={"body": "x"})
    assert shown() == "User"
    installation.call("PATCH", f"{path}/close", people.user.access)
    assert shown() == "Ada Lovelace"
    headers = {"If-None-Match": tag}
    assert installation.call("GET", path, people.admin.access, headers=headers).status_code == 200


def test_a_new_name_changes_the_etag(installation: Installation, people: People) -> None:
    path = path_of(open_ticket(installation, people.user))
    tag = installation.call("GET", path, people.user.access).headers["etag"]
    rename(installation, people.user, "Grace")
    open_ticket(installation, people.user)
    again = installation.call("GET", path, people.user.access, headers={"If-None-Match": tag})
    assert (again.status_code, again.json()["author"]["name"]) == (200, "Grace")
    closed = installation.call("PATCH", f"{path}/close", people.user.access, headers={"If-Match": tag})
    assert closed.status_code == 200, "the ticket itself is the same version"


@pytest.mark.parametrize(
    ("status", "body"),
    [(0, None), (503, {}), (500, None), (200, {"id": "x"}), (200, []), (302, None), (429, None)],
)
def test_without_the_users_service_users_can_write(
    installation: Installation, people: People, status: int, body: object
) -> None:
    known = open_ticket(installation, people.user)
    with users_answering(installation, status, body) as users:
        for person, name in ((people.user, "User"), (people.other, None)):
            created = open_ticket(installation, person)
            assert created["author"] == {"id": person.id, "name": name, "deleted": False}
        reply = {"body": "Still here."}
        answer = installation.call("POST", f"{path_of(known)}/replies", people.user.access, json=reply)
        assert answer.status_code == 201
        assert installation.call("GET", path_of(known), people.user.access).status_code == 200
        assert users.asked == 1, "each waited for it anew"
    assert open_ticket(installation, people.other)["author"]["name"] == "Other"


def test_without_the_users_service_known_administrators_can_be_assigned(
    installation: Installation, people: People
) -> None:
    open_ticket(installation, people.deputy)
    path = path_of(open_ticket(installation, people.user))

    def assign(person_id: str) -> httpx2.Response:
        return installation.call("PATCH", path, people.admin.access, json={"assignee_id": person_id})

    with users_answering(installation, 0):
        assert assign(people.deputy.id).json()["assignee"]["name"] == "Deputy"
        assert assign(people.admin.id).json()["assignee"]["id"] == people.admin.id
        for unsure in (people.user.id, people.other.id, str(uuid.uuid4())):
            assert_problem(assign(unsure), 503, "users_unavailable")


def test_changes_by_users_whose_profile_is_outdated_are_rejected(
    installation: Installation, people: People
) -> None:
    """Before the revocation list contains the token, because every change checks the directory."""
    mine = open_ticket(installation, people.user)
    before = stored(installation)
    gone = {
        "id": people.user.id,
        "name": "User",
        "role": "user",
        "status": "active",
        "updated_at": "2026-01-01T00:00:00Z",
    }
    for status, body in (
        (401, {}),
        (404, {}),
        (200, {**gone, "status": "disabled"}),
        (200, {**gone, "role": "admin"}),
    ):
        with users_answering(installation, status, body):
            for method, path, options in (
                ("POST", TICKETS, {"json": TICKET}),
                ("PUT", path_of(mine), {"json": {"body": "x"}}),
                ("POST", f"{path_of(mine)}/replies", {"json": {"body": "x"}}),
                ("PATCH", f"{path_of(mine)}/close", {}),
            ):
                answer = installation.call(method, path, people.user.access, **options)
                assert_problem(answer, 401, "invalid_token")
    assert stored(installation) == before


def test_demoted_administrators_see_only_their_own_tickets(
    installation: Installation, people: People
) -> None:
    open_ticket(installation, people.user)
    installation.call("PATCH", people.deputy.path, people.admin.access, json={"role": "user"})
    answer = installation.call("GET", TICKETS, people.deputy.access)
    assert_problem(answer, 401, "invalid_token")
    tokens = installation.log_in(people.deputy.email, people.deputy.password)
    assert installation.call("GET", TICKETS, tokens.access).json()["items"] == []


def test_a_user_has_one_snapshot(installation: Installation, people: People) -> None:
    newcomer = enrol(installation, people.admin, name="Newcomer")
    for _ in range(5):
        open_ticket(installation, newcomer)
    rows = tickets_execute(installation, sa.select(snapshot.c.name))
    assert rows == [("Newcomer",)]
