"""Tickets that an older release stored are indexed again, in batches that a restart continues."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import uuid_utils.compat as uuid7s

from doorward_kit.word_index import indexed_words, line_of
from doorward_tickets.search_index import repository
from doorward_tickets.search_index.repository import IndexedBatch
from doorward_tickets.tables import ticket_search_terms, tickets
from integration.harness.installation import TICKETS, Installation
from integration.harness.people import People
from integration.harness.tickets import store_ticket, tickets_execute

SUBJECT = "王經理的電腦"
BODY = "5G modem"
OLD_WORDS = ["modem", "王經理的電腦"]


def store_old(installation: Installation, people: People) -> str:
    """Store a ticket with the terms of 0.1.0."""
    ticket_id = uuid.UUID(
        store_ticket(installation, people.user.id, id=uuid7s.uuid7(), subject=SUBJECT, body=BODY)
    )
    of_ticket = ticket_search_terms.c.ticket_id == ticket_id
    tickets_execute(installation, ticket_search_terms.delete().where(of_ticket))
    old = tickets.update().where(tickets.c.id == ticket_id).values(search_text=line_of(OLD_WORDS))
    tickets_execute(installation, old)
    entries = [{"word": word, "ticket_id": ticket_id} for word in OLD_WORDS]
    tickets_execute(installation, ticket_search_terms.insert().values(entries))
    return str(ticket_id)


def update_batch(installation: Installation, *, until: timedelta = timedelta(minutes=5)) -> IndexedBatch:
    with installation.tickets_engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        batch = repository.update_batch(connection, until=datetime.now(UTC) + until)
        connection.commit()
    return batch


def terms(installation: Installation, ticket_id: str) -> list[str]:
    of_ticket = ticket_search_terms.c.ticket_id == uuid.UUID(ticket_id)
    found = sa.select(ticket_search_terms.c.word).where(of_ticket)
    return sorted(word for (word,) in tickets_execute(installation, found))


def find(installation: Installation, people: People, q: str) -> list[str]:
    page = installation.call("GET", TICKETS, people.user.access, params={"q": q}).json()
    return [item["id"] for item in page["items"]]


def test_a_ticket_of_an_older_release_is_found_afterwards(installation: Installation, people: People) -> None:
    ticket = store_old(installation, people)
    before = installation.call("GET", f"{TICKETS}/{ticket}", people.user.access)
    assert find(installation, people, "電腦") == []
    assert update_batch(installation) == IndexedBatch(read=1, changed=1)
    assert find(installation, people, "電腦") == find(installation, people, "5g") == [ticket]
    assert terms(installation, ticket) == indexed_words([SUBJECT, BODY])
    after = installation.call("GET", f"{TICKETS}/{ticket}", people.user.access)
    assert (after.json(), after.headers["etag"]) == (before.json(), before.headers["etag"])


def test_batches_continue_where_the_last_one_ended(
    installation: Installation, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "BATCH_SIZE", 2)
    made = [store_old(installation, people) for _ in range(3)]
    assert update_batch(installation) == IndexedBatch(2, 2)
    assert terms(installation, made[2]) == OLD_WORDS
    assert update_batch(installation) == IndexedBatch(1, 1)
    assert update_batch(installation) == IndexedBatch(0, 0)
    late = store_old(installation, people)  # by a process of the previous release
    assert update_batch(installation) == IndexedBatch(1, 1)
    assert terms(installation, late) == indexed_words([SUBJECT, BODY])


def test_young_tickets_wait_and_current_ones_are_only_read(
    installation: Installation, people: People
) -> None:
    store_ticket(installation, people.user.id, id=uuid7s.uuid7())
    assert update_batch(installation, until=timedelta(minutes=-5)) == IndexedBatch(0, 0)
    assert update_batch(installation) == IndexedBatch(1, 0)
