"""The number of rows that lists and searches read, counted by MariaDB."""

import itertools
import uuid
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from doorward_kit import bounded_search as search
from doorward_tickets.tables import tickets, user_snapshots
from doorward_tickets.tickets.list_query import ListQuery, TicketFilter
from doorward_tickets.tickets.repository import list_tickets
from doorward_tickets.tickets.schemas import TicketSort
from doorward_tickets.tickets.search import find_tickets, search_tickets
from doorward_tickets.tickets.workflow import TicketStatus
from integration.harness.installation import Installation
from integration.harness.people import People
from integration.harness.statements import rows_read
from integration.tickets.test_lists import START, fill

STORED = 600
USERS = 2_000
PAGE = 5
USERS_PER_TICKET = 2
"""Rows of users read for a ticket."""


pytestmark = pytest.mark.databases("mariadb")  # SQLite counts nothing


@pytest.fixture
def connection(installation: Installation, people: People) -> Iterator[sa.Connection]:
    fill(installation, people, STORED, seed=4)
    store_users(installation)
    with installation.tickets_engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE TABLE tickets, ticket_search_terms, user_snapshots")
        yield connection


def store_users(installation: Installation) -> None:
    """Store users without tickets: MySQL joins a small table without its key, and counts those reads."""
    rows = [{"id": uuid.uuid4(), "role": "user", "updated_at": START} for _ in range(USERS)]
    with installation.tickets_engine.begin() as connection:
        connection.execute(user_snapshots.insert(), rows)


@pytest.mark.parametrize("sort", TicketSort)
@pytest.mark.parametrize("filtered", ["", "status", "assignee"])
def test_a_deep_page_reads_no_more_rows_than_the_first(
    connection: sa.Connection, people: People, sort: TicketSort, filtered: str
) -> None:
    criteria = {
        "": TicketFilter(),
        "status": TicketFilter(status=TicketStatus.OPEN),
        "assignee": TicketFilter(assignee=uuid.UUID(people.deputy.id)),
    }[filtered]
    listing = ListQuery(None, criteria, sort)
    position, costs = None, []
    for _ in range(25):
        before = rows_read(connection)
        page = list_tickets(connection, listing, position, PAGE)
        costs.append(rows_read(connection) - before)
        position = listing.position(page[-1])
    assert max(costs) <= PAGE * (1 + USERS_PER_TICKET) + 5


@pytest.mark.parametrize("sort", TicketSort)
@pytest.mark.parametrize("reader", ["user", ""])
def test_a_list_by_two_filters_reads_a_bounded_number_of_rows(
    connection: sa.Connection, monkeypatch: pytest.MonkeyPatch, people: People, sort: TicketSort, reader: str
) -> None:
    """With any number of tickets that match only one of the two filters."""
    for name, bound in (("SHORT_SCAN_SIZE", 20), ("LONG_SCAN_SIZE", 40)):
        monkeypatch.setattr(search, name, bound)
    connection.execute(tickets.update().values(status=TicketStatus.CLOSED.value))
    if reader:
        listing = ListQuery(uuid.UUID(people.user.id), TicketFilter(status=TicketStatus.OPEN), sort)
    else:
        criteria = TicketFilter(status=TicketStatus.OPEN, assignee=uuid.UUID(people.deputy.id))
        listing = ListQuery(None, criteria, sort)
    before = rows_read(connection)
    found, stopped_at = find_tickets(connection, listing, None, PAGE)
    assert rows_read(connection) - before <= 2 * (20 + 40) + 20
    assert not found
    assert stopped_at is not None, "there is more to look through"


@pytest.mark.parametrize("sort", TicketSort)
@pytest.mark.parametrize(
    "words", [("the",), ("zzz",), ("printer", "drucker"), ("foo",), ("the", "emile", "about", "broken")]
)
def test_a_search_reads_a_bounded_number_of_rows(
    connection: sa.Connection,
    monkeypatch: pytest.MonkeyPatch,
    people: People,
    sort: TicketSort,
    words: tuple[str, ...],
) -> None:
    for name, bound in (("SHORT_SCAN_SIZE", 20), ("LONG_SCAN_SIZE", 40), ("RARE_WORD_LIMIT", 10)):
        monkeypatch.setattr(search, name, bound)
    for criteria in (
        TicketFilter(words=words),
        TicketFilter(words=words, status=TicketStatus.OPEN, author=uuid.UUID(people.user.id)),
    ):
        listing = ListQuery(None, criteria, sort)
        position = None
        for _ in itertools.count():
            before = rows_read(connection)
            found, stopped_at = search_tickets(connection, listing, position, PAGE)
            # Each scan reads its entries twice, and for each word as many as a rare word may have.
            assert (
                rows_read(connection) - before
                <= 2 * (20 + 40) + len(words) * 2 * 12 + PAGE * USERS_PER_TICKET + 20
            )
            if not found and stopped_at is None:
                break
            position = stopped_at or listing.position(found[-1])
