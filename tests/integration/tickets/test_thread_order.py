"""A thread is read from its start or from its end, page by page, while replies arrive."""

import uuid
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from doorward_tickets.replies import repository
from doorward_tickets.tables import replies, tickets
from integration.harness.installation import Installation
from integration.harness.people import People
from integration.harness.problems import assert_problem
from integration.harness.statements import rows_read
from integration.harness.tickets import open_ticket, path_of, tickets_execute
from integration.tickets.test_bounds import store_users

STORED = 1_000


@pytest.fixture
def thread(installation: Installation, people: People) -> str:
    """A ticket with many replies, all of the same moment; return its path."""
    ticket_id = uuid.UUID(open_ticket(installation, people.user)["id"])
    author, now = uuid.UUID(people.user.id), datetime.now(UTC)
    rows = [
        {
            "ticket_id": ticket_id,
            "number": number,
            "id": uuid.UUID(int=number),
            "author_id": author,
            "body": f"Number {number}",
            "created_at": now,
        }
        for number in range(1, STORED + 1)
    ]
    tickets_execute(installation, replies.insert().values(rows))
    changed = tickets.update().where(tickets.c.id == ticket_id).values(reply_count=STORED)
    tickets_execute(installation, changed)
    return path_of({"id": str(ticket_id)})


def page(installation: Installation, people: People, path: str, **params: Any) -> httpx2.Response:
    return installation.call("GET", f"{path}/replies", people.user.access, params=params)


def numbers(response: httpx2.Response) -> list[int]:
    assert response.status_code == 200, response.text
    return [reply["number"] for reply in response.json()["items"]]


def test_the_first_page_is_the_end_of_the_thread(
    installation: Installation, people: People, thread: str
) -> None:
    response = page(installation, people, thread, sort="-number", limit=3)
    assert numbers(response) == [STORED, STORED - 1, STORED - 2]
    assert response.json()["items"][0]["body"] == f"Number {STORED}"
    assert numbers(page(installation, people, thread, sort="number", limit=2)) == [1, 2]
    assert numbers(page(installation, people, thread, limit=2)) == [1, 2]


def test_pages_from_the_end_are_the_whole_thread_while_replies_arrive(
    installation: Installation, people: People, thread: str
) -> None:
    seen: list[int] = []
    params: dict[str, Any] = {"sort": "-number", "limit": 200}
    while True:
        response = page(installation, people, thread, **params)
        seen += numbers(response)
        more = installation.call("POST", f"{thread}/replies", people.admin.access, json={"body": "one more"})
        assert more.status_code == 201
        if response.json()["next_cursor"] is None:
            break
        params["cursor"] = response.json()["next_cursor"]
    assert seen == list(range(STORED, 0, -1))
    assert numbers(page(installation, people, thread, sort="-number", limit=1)) == [STORED + 5]


def test_a_cursor_belongs_to_its_order(installation: Installation, people: People, thread: str) -> None:
    for sort, other in (("number", "-number"), ("-number", "number")):
        cursor = page(installation, people, thread, sort=sort, limit=1).json()["next_cursor"]
        rejected = page(installation, people, thread, sort=other, cursor=cursor)
        assert_problem(rejected, 400, "invalid_cursor")
    assert_problem(page(installation, people, thread, sort="created_at"), 422, "validation_error")


def test_a_thread_without_replies_is_empty_from_both_ends(installation: Installation, people: People) -> None:
    path = path_of(open_ticket(installation, people.user))
    for sort in ("number", "-number"):
        assert page(installation, people, path, sort=sort).json() == {"items": [], "next_cursor": None}
        hidden = installation.call("GET", f"{path}/replies", people.other.access, params={"sort": sort})
        assert_problem(hidden, 404, "ticket_not_found")


@pytest.mark.databases("mariadb")  # SQLite counts nothing
def test_the_end_of_a_thread_reads_as_many_rows_as_its_start(installation: Installation, thread: str) -> None:
    ticket_id = uuid.UUID(thread.rpartition("/")[2])
    store_users(installation)
    costs = []
    with installation.tickets_engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE TABLE replies, user_snapshots")
        for before in (None, STORED // 2, 10):
            start = rows_read(connection)
            repository.list_latest_replies(connection, ticket_id, before=before, count=5)
            costs.append(rows_read(connection) - start)
    assert max(costs) <= 5 * 2 + 5
