"""Paging through any list while tickets are created, answered and closed: unchanged ones are seen once."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from doorward_kit import bounded_search as search
from doorward_tickets.tickets.schemas import TicketSort
from doorward_tickets.tickets.workflow import TicketStatus
from integration.harness.installation import TICKETS, Installation
from integration.harness.people import People, Person
from integration.harness.tickets import open_ticket, store_tickets
from integration.tickets.test_lists import matches, order_of, walk

WORDS: Final = ("print", "printer", "drucker", "broken")
MOMENTS: Final = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number) for number in range(3)]
NAMES: Final = ("admin", "deputy", "user", "other")

texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)
ticket_shapes = st.fixed_dictionaries(
    {
        "id": st.uuids().map(lambda one: one),
        "author_id": st.sampled_from(NAMES),
        "assignee_id": st.none() | st.sampled_from(("admin", "deputy")),
        "subject": texts,
        "body": texts,
        "status": st.sampled_from([status.value for status in TicketStatus]),
        "priority": st.integers(0, 3),
        "created_at": st.sampled_from(MOMENTS),
        "updated_at": st.sampled_from(MOMENTS),
    }
)
shapes = st.lists(ticket_shapes, min_size=10, max_size=25, unique_by=lambda one: one["id"])
filters: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"status": st.sampled_from([status.value for status in TicketStatus])}),
    st.fixed_dictionaries({"author": st.sampled_from(NAMES)}),
    st.fixed_dictionaries({"assignee": st.sampled_from(("admin", "deputy")), "status": st.just("open")}),
)
searches: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.fixed_dictionaries(
        {"q": st.lists(st.sampled_from(("pri", *WORDS)), min_size=1, max_size=2).map(" ".join)}
    ),
)
pages = st.fixed_dictionaries(
    {"sort": st.sampled_from([sort.value for sort in TicketSort]), "limit": st.integers(1, 6)}
)
queries = st.builds(
    lambda *parts: {k: v for part in parts for k, v in part.items()}, pages, filters, searches
)
changes = st.lists(st.tuples(st.sampled_from(("insert", "reply", "close")), st.integers(0, 24)), max_size=3)


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """Restore the limits of search."""
    bounds = search.SHORT_SCAN_SIZE, search.LONG_SCAN_SIZE, search.RARE_WORD_LIMIT
    yield
    search.SHORT_SCAN_SIZE, search.LONG_SCAN_SIZE, search.RARE_WORD_LIMIT = bounds  # type: ignore[misc]  # the test changes them


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shapes=shapes,
    query=queries,
    reader=st.sampled_from(("admin", "admin", "user")),
    unchanged=st.integers(8, 24),
    bounds=st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(0, 6)),
    data=st.data(),
)
def test_paging_returns_unchanged_tickets_exactly_once_while_others_change(  # noqa: PLR0917 - the parameters of a walk
    installation: Installation,
    people: People,
    shapes: list[dict[str, Any]],
    query: dict[str, Any],
    reader: str,
    unchanged: int,
    bounds: tuple[int, int, int],
    data: st.DataObject,
) -> None:
    """With scans as short as the pages, so that scans end in every possible way."""
    search.SHORT_SCAN_SIZE, search.LONG_SCAN_SIZE, search.RARE_WORD_LIMIT = bounds  # type: ignore[misc]  # put back by the fixture
    installation.wipe_tickets()
    store_tickets(installation, [stored_as(shape, people) for shape in shapes])
    changing = [str(shape["id"]) for shape in shapes[unchanged:]]
    params = asked(query, people)
    all_tickets = walk(installation, people.admin.access, {"limit": 200})
    visible = [
        all_ticket
        for all_ticket in all_tickets
        if reader == "admin" or all_ticket["author"]["id"] == people.user.id
    ]
    expected = {
        ticket["id"]
        for ticket in visible
        if ticket["id"] not in changing and matches(ticket, params) and has_words(ticket["id"], query, shapes)
    }

    def churn() -> None:
        for kind, which in data.draw(changes):
            if (kind == "insert" or not changing) and len(changing) < 40:  # limits the number of pages
                changing.append(open_ticket(installation, people.user, subject="printer broken")["id"])
                continue
            path = f"{TICKETS}/{changing[which % len(changing)]}"
            if kind == "reply":
                installation.call("POST", f"{path}/replies", people.admin.access, json={"body": "x"})
            else:
                installation.call("PATCH", f"{path}/close", people.admin.access)

    person: Person = getattr(people, reader)
    seen = list(walk(installation, person.access, params, churn, may_be_short=True))
    event(f"something stands: {bool(expected)}")
    assert sorted(ticket["id"] for ticket in seen if ticket["id"] not in changing) == sorted(expected)
    still = [ticket for ticket in seen if ticket["id"] not in changing]
    in_order = sorted(
        still, key=lambda one: order_of(one, query["sort"]), reverse=query["sort"].startswith("-")
    )
    assert still == in_order
    if reader == "user":
        assert {ticket["author"]["id"] for ticket in seen} <= {people.user.id}


def stored_as(shape: dict[str, Any], people: People) -> dict[str, Any]:
    """Insert the ids of the test's users into a ticket."""
    assignee = None if shape["assignee_id"] is None else person_id(people, shape["assignee_id"])
    author = person_id(people, shape["author_id"])
    return {**shape, "author_id": author, "assignee_id": assignee, "reply_count": 0, "version": 1}


def asked(query: dict[str, Any], people: People) -> dict[str, Any]:
    """Insert the ids of the test's users into a query."""
    names = query.keys() & {"author", "assignee"}
    return query | {name: str(person_id(people, query[name])) for name in names}


def person_id(people: People, name: str) -> uuid.UUID:
    return uuid.UUID(getattr(people, name).id)


def has_words(ticket_id: str, query: dict[str, Any], shapes: list[dict[str, Any]]) -> bool:
    """Whether a stored ticket matches a search, computed without the database."""
    (shape,) = (one for one in shapes if one["id"] == uuid.UUID(ticket_id))
    words = f"{shape['subject']} {shape['body']}".split()
    return all(any(word.startswith(start) for word in words) for start in query.get("q", "").split())
