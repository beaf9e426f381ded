"""Lists of tickets: filters, orders, paging, search, and visibility."""

import random
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from doorward_tickets.tables import tickets
from doorward_tickets.tickets.schemas import TicketSort
from doorward_tickets.tickets.workflow import Priority
from integration.harness.installation import TICKETS, Installation
from integration.harness.people import People
from integration.harness.problems import assert_problem, pointers
from integration.harness.tickets import open_ticket, path_of, store_tickets, stored, tickets_execute

WORDS = ["printer", "Drucker", "Émile", "STRASSE", "broken", "about", "foo_bar", "the", "42000", "李小龍"]
START = datetime(2026, 1, 1, tzinfo=UTC)


def fill(installation: Installation, people: People, count: int, seed: int) -> list[str]:
    """Store tickets of four users, many with the same time as after an import; return their ids."""
    chance = random.Random(seed)
    authors = [uuid.UUID(one.id) for one in (people.user, people.user, people.other, people.admin)]
    assignees = [None, uuid.UUID(people.admin.id), uuid.UUID(people.deputy.id)]
    rows: list[dict[str, Any]] = []
    for _ in range(count):
        created = START + timedelta(seconds=chance.randrange(3), microseconds=chance.randrange(2))
        rows.append(
            {
                "id": uuid.UUID(int=chance.getrandbits(128), version=4),
                "author_id": chance.choice(authors),
                "assignee_id": chance.choice(assignees),
                "subject": " ".join(chance.sample(WORDS, 2)),
                "body": " ".join(chance.sample(WORDS, 3)),
                "status": chance.choice(["open", "open", "closed"]),
                "priority": chance.randrange(4),
                "reply_count": 0,
                "version": 1,
                "created_at": created,
                "updated_at": created + timedelta(seconds=chance.randrange(3)),
            }
        )
    store_tickets(installation, rows)
    return [str(row["id"]) for row in rows]


def walk(
    installation: Installation,
    token: str,
    query: dict[str, Any],
    between: Callable[[], None] = lambda: None,
    *,
    may_be_short: bool = False,
) -> Iterator[dict[str, Any]]:
    """Yield the items of all pages, calling `between` after each page."""
    cursor: dict[str, str] = {}
    for _ in range(150):
        response = installation.call("GET", TICKETS, token, params={**query, **cursor})
        assert response.status_code == 200, response.text
        page = response.json()
        yield from page["items"]
        if page["next_cursor"] is None:
            return
        assert len(page["items"]) == query["limit"] or may_be_short or "q" in query
        cursor = {"cursor": page["next_cursor"]}
        between()
    raise AssertionError("the walk does not end")


def matches(item: dict[str, Any], criteria: dict[str, str]) -> bool:
    """Whether a ticket matches a filter, computed without the database."""
    assignee = None if item["assignee"] is None else item["assignee"]["id"]
    return (
        criteria.get("status") in {None, item["status"]}
        and criteria.get("author") in {None, item["author"]["id"]}
        and criteria.get("assignee") in {None, assignee}
    )


def order_of(item: dict[str, Any], sort: str) -> tuple[Any, uuid.UUID]:
    """Return the sort key of an item, computed without the database."""
    name = sort.removeprefix("-")
    value = Priority(item[name]).rank if name == "priority" else datetime.fromisoformat(item[name])
    return value, uuid.UUID(item["id"])


def filters(people: People) -> list[dict[str, str]]:
    return [
        {},
        {"status": "open"},
        {"author": people.user.id},
        {"assignee": people.deputy.id},
        {"author": people.other.id, "status": "closed"},
        {"author": people.user.id, "assignee": people.admin.id, "status": "open"},
        {"author": str(uuid.uuid4())},
    ]


@pytest.mark.parametrize("sort", [one.value for one in TicketSort])
def test_pages_together_are_the_whole_ordered_list(
    installation: Installation, people: People, sort: str
) -> None:
    fill(installation, people, 30, seed=1)
    everything = list(walk(installation, people.admin.access, {"limit": 200}))
    assert len(everything) == 30
    for reader in (people.admin, people.user):
        visible = [
            ticket for ticket in everything if reader is people.admin or ticket["author"]["id"] == reader.id
        ]
        for criteria in filters(people):
            for limit in (1, 7, 30):
                query = {**criteria, "sort": sort, "limit": limit}
                wanted = [ticket for ticket in visible if matches(ticket, criteria)]
                wanted.sort(key=lambda one: order_of(one, sort), reverse=sort.startswith("-"))
                assert list(walk(installation, reader.access, query)) == wanted


def test_a_users_list_contains_only_own_tickets(installation: Installation, people: People) -> None:
    fill(installation, people, 40, seed=2)
    for criteria in (*filters(people), {"q": "printer"}, {"q": "drucker", "author": people.other.id}):
        for ticket in walk(installation, people.user.access, {**criteria, "limit": 5}):
            assert ticket["author"]["id"] == people.user.id


def test_the_default_order_is_newest_first(installation: Installation, people: People) -> None:
    made = [open_ticket(installation, people.user)["id"] for _ in range(3)]
    page = installation.call("GET", TICKETS, people.user.access).json()
    assert [item["id"] for item in page["items"]] == made[::-1]
    assert page["next_cursor"] is None


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("printer", {0, 2}),
        ("PRINT", {0, 2}),
        ("printer fire", {0}),
        ("fire printer", {0}),
        ("rinter", set()),
        ("emile", {1}),
        ("ÉMILE's", {1}),
        ("the", {0, 1}),
        ("about", {1}),
        ("foo_bar", {2}),
        ("bar", set()),
        ("李小龍", {2}),
        ("a printer", {0, 2}),
        ('"printer fire"', {0}),
        ("printer -fire", {0}),
        ("+printer ~fire*", {0}),
        ("printer) OR (emile", set()),
        ("printer NOT fire", set()),
        ("subject:printer", {0}),
        ("%%%printer", {0, 2}),
        ("reply", set()),
    ],
)
def test_search_matches_prefixes_of_words(
    installation: Installation, people: People, q: str, found: set[int]
) -> None:
    made = [
        open_ticket(installation, people.user, subject=subject, body=text)["id"]
        for subject, text in (
            ("The printer is on fire", "Since this morning, a subject of talk."),
            ("Émile asks", "It is about the door"),
            ("PRINTER again", "foo_bar 李小龍"),
        )
    ]
    path = f"{TICKETS}/{made[0]}/replies"
    installation.call("POST", path, people.user.access, json={"body": "A reply."})
    open_ticket(installation, people.other, subject="printer", body="emile about foo_bar fire subject")
    page = installation.call("GET", TICKETS, people.user.access, params={"q": q}).json()
    assert {made.index(item["id"]) for item in page["items"]} == found


@pytest.mark.parametrize("q", ["", "x", "to be", "%", "' --", "\u0000", '-- ; "', "🙂", "+", "x" * 85])
def test_odd_queries_find_nothing(installation: Installation, people: People, q: str) -> None:
    open_ticket(installation, people.user)
    page = installation.call("GET", TICKETS, people.user.access, params={"q": q})
    assert (page.status_code, page.json()) == (200, {"items": [], "next_cursor": None})


@pytest.mark.databases("sqlite")
def test_a_query_is_limited(installation: Installation, people: People) -> None:
    response = installation.call("GET", TICKETS, people.user.access, params={"q": "y" * 101})
    assert pointers(assert_problem(response, 422, "validation_error")) == {"query:q"}


@pytest.mark.databases("sqlite")  # these rejections do not depend on the database
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sort", "id"),
        ("sort", "subject"),
        ("sort", "priority DESC"),
        ("sort", "priority; DROP TABLE tickets"),
        ("status", "deleted"),
        ("status", "' OR '1'='1"),
        ("author", "me"),
        ("author", "' OR 1=1 --"),
        ("assignee", "1"),
        ("limit", "0"),
        ("limit", "201"),
        ("limit", "1e30"),
        ("cursor", "x" * 1025),
    ],
)
def test_unknown_values_are_rejected(
    installation: Installation, people: People, name: str, value: str
) -> None:
    response = installation.call("GET", TICKETS, people.user.access, params={name: value})
    assert pointers(assert_problem(response, 422, "validation_error")) == {f"query:{name}"}


@pytest.mark.parametrize(
    "raw", ["q=%00abc", "q=%ff", "q=%ed%a0%80abc", "q=%", "q=abc&q=def", "limit=1&limit=2"]
)
def test_queries_of_odd_encoding_never_fail(installation: Installation, people: People, raw: str) -> None:
    assert installation.call("GET", f"{TICKETS}?{raw}", people.user.access).status_code in {200, 422}


def test_a_cursor_is_bound_to_its_query_and_its_user(installation: Installation, people: People) -> None:
    fill(installation, people, 40, seed=3)
    query = {"limit": 3, "sort": "priority", "status": "open"}
    cursor = installation.call("GET", TICKETS, people.user.access, params=query).json()["next_cursor"]
    assert cursor is not None
    changes: list[dict[str, Any]] = [
        {"sort": "-priority"},
        {"status": "closed"},
        {"q": "printer"},
        {"author": people.user.id},
        {"assignee": people.admin.id},
    ]
    for change in changes:
        params = {**query, **change, "cursor": cursor}
        answer = installation.call("GET", TICKETS, people.user.access, params=params)
        assert_problem(answer, 400, "invalid_cursor")
    for reader in (people.other, people.admin):
        params = {**query, "cursor": cursor}
        answer = installation.call("GET", TICKETS, reader.access, params=params)
        assert_problem(answer, 400, "invalid_cursor")


def test_the_list_shows_the_stored_values(installation: Installation, people: People) -> None:
    ticket = open_ticket(installation, people.user)
    installation.call("PATCH", f"{path_of(ticket)}/close", people.user.access)
    tickets_execute(installation, sa.update(tickets).values(priority=3))
    (listed,) = installation.call("GET", TICKETS, people.user.access).json()["items"]
    assert (listed["status"], listed["priority"], len(stored(installation))) == ("closed", "urgent", 1)
