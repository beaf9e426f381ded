"""Replies: order, idempotency, and effects on the status of a ticket."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from doorward_tickets.replies.service import FIRST_PAGE_SIZE
from integration.harness.installation import TICKETS, Installation
from integration.harness.people import People
from integration.harness.problems import assert_problem
from integration.harness.tickets import open_ticket, path_of


def test_replies_of_both_participants_are_in_the_thread(installation: Installation, people: People) -> None:
    ticket = open_ticket(installation, people.user)
    said = [(people.admin, "Which floor?"), (people.user, "Third.\n\nStill."), (people.deputy, "Coming.")]
    for number, (person, text) in enumerate(said, 1):
        response = installation.call("POST", f"{path_of(ticket)}/replies", person.access, json={"body": text})
        assert response.status_code == 201
        assert response.json()["number"] == number
        assert response.headers["location"] == path_of(ticket)
        assert response.headers["etag"] == f'"{number + 1}"'
    detail = installation.call("GET", path_of(ticket), people.user.access).json()
    assert [(reply["author"]["id"], reply["body"]) for reply in detail["replies"]] == [
        (person.id, text) for person, text in said
    ]
    assert [reply["author"]["name"] for reply in detail["replies"]] == ["Administrator", "User", "Deputy"]
    assert detail["reply_count"] == 3
    assert detail["replies_next_cursor"] is None


def test_putting_a_reply_twice_adds_it_once(installation: Installation, people: People) -> None:
    path = path_of(open_ticket(installation, people.user))

    def put(text: str) -> tuple[int, str]:
        response = installation.call("PUT", path, people.user.access, json={"body": text})
        assert response.status_code == 200
        return response.json()["reply_count"], response.json()["status"]

    assert [put("Hello?"), put("Hello?"), put("Hello??"), put("Hello?")] == [
        (1, "open"),
        (1, "open"),
        (2, "open"),
        (3, "open"),
    ]
    installation.call("PATCH", f"{path}/close", people.admin.access)
    assert put("Hello?") == (4, "open")  # the ticket was closed since, so its ETag is different


@pytest.mark.parametrize("address", ["{}/{}/close", "{}/close-ticket/{}"])
def test_a_reply_reopens_a_closed_ticket(installation: Installation, people: People, address: str) -> None:
    for closer in (people.user, people.admin):
        for method, rest in (("POST", "/replies"), ("PUT", "")):
            ticket = open_ticket(installation, people.user)
            close = address.format(TICKETS, ticket["id"])
            closed = installation.call("PATCH", close, closer.access)
            assert (closed.status_code, closed.json()["status"]) == (200, "closed")
            again = installation.call("PATCH", close, closer.access)
            assert (again.status_code, again.json()) == (200, closed.json())
            assert again.headers["etag"] == closed.headers["etag"]
            text = {"body": "It burns again."}
            installation.call(method, path_of(ticket) + rest, people.user.access, json=text)
            assert installation.call("GET", path_of(ticket), closer.access).json()["status"] == "open"


def test_of_twenty_parallel_replies_with_the_same_etag_one_succeeds(
    installation: Installation, people: People
) -> None:
    path = path_of(open_ticket(installation, people.user))
    headers = {"If-Match": '"1"'}

    def reply(number: int) -> int:
        body = {"body": f"Number {number}"}
        return installation.call(
            "POST", f"{path}/replies", people.user.access, json=body, headers=headers
        ).status_code

    with ThreadPoolExecutor(20) as threads:
        assert sorted(threads.map(reply, range(20))) == [201] + [412] * 19


def test_parallel_replies_are_all_stored_and_numbered(installation: Installation, people: People) -> None:
    path = path_of(open_ticket(installation, people.user))

    def reply(number: int) -> int:
        body = {"body": f"Number {number}"}
        response = installation.call("POST", f"{path}/replies", people.user.access, json=body)
        assert response.status_code == 201, response.text
        return int(response.json()["number"])

    with ThreadPoolExecutor(20) as threads:
        assert sorted(threads.map(reply, range(40))) == list(range(1, 41))
    thread = installation.call("GET", path, people.user.access).json()["replies"]
    assert sorted(one["body"] for one in thread) == sorted(f"Number {number}" for number in range(40))
    assert [one["number"] for one in thread] == list(range(1, 41))


def test_a_long_thread_is_read_in_pages(installation: Installation, people: People) -> None:
    path = path_of(open_ticket(installation, people.user))
    for number in range(1, FIRST_PAGE_SIZE + 8):
        body = {"body": f"Number {number}"}
        installation.call("POST", f"{path}/replies", people.user.access, json=body)
    detail = installation.call("GET", path, people.user.access).json()
    seen = [reply["number"] for reply in detail["replies"]]
    assert len(seen) == FIRST_PAGE_SIZE
    cursor = detail["replies_next_cursor"]
    while cursor is not None:
        params = {"cursor": cursor, "limit": 3}
        page = installation.call("GET", f"{path}/replies", people.user.access, params=params).json()
        seen += [item["number"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == list(range(1, FIRST_PAGE_SIZE + 8))
    other = path_of(open_ticket(installation, people.user))
    params = {"cursor": detail["replies_next_cursor"]}
    assert_problem(
        installation.call("GET", f"{other}/replies", people.user.access, params=params), 400, "invalid_cursor"
    )
