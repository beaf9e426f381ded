"""Deleting a ticket: it is gone at once, and everything that belonged to it soon after, in batches."""

import uuid
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from doorward_kit.column_types import utc_now
from doorward_kit.word_index import MAX_INDEXED_WORDS
from doorward_tickets.deletions.repository import purge_remains
from doorward_tickets.tables import (
    deleted_tickets,
    notification_mutes,
    outbox,
    pending_notifications,
    replies,
    ticket_search_terms,
    tickets,
)
from integration.harness.deployment import wait_until
from integration.harness.installation import TICKETS, Installation
from integration.harness.people import People
from integration.harness.problems import assert_problem
from integration.harness.tickets import open_ticket, path_of, store_ticket, stored, tickets_execute
from integration.tickets.mailing import assign, let_time_pass, reply, settled, waiting
from support.smtp import SmtpServer

ABOUT_A_TICKET = (replies, ticket_search_terms, notification_mutes, pending_notifications, deleted_tickets)


def rows_about(installation: Installation, ticket_id: str) -> dict[str, int]:
    """Count the rows about a ticket, by table; without the tables that have none."""
    found = {
        table.name: tickets_execute(
            installation,
            sa.select(sa.func.count()).where(table.c.ticket_id == uuid.UUID(ticket_id)),
        )[0][0]
        for table in ABOUT_A_TICKET
    }
    return {name: count for name, count in found.items() if count}


def purge(installation: Installation, *, count: int = 500) -> int:
    """Delete one batch of what deleted tickets left behind."""
    with installation.tickets_engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        deleted = purge_remains(connection, count=count)
        connection.commit()
    return deleted


def delete(installation: Installation, people: People, path: str) -> None:
    response = installation.call("DELETE", path, people.admin.access)
    assert (response.status_code, response.content) == (204, b"")


def store_replies(installation: Installation, ticket_id: str, count: int) -> None:
    """Insert replies into the database."""
    rows: Sequence[dict[str, Any]] = [
        {
            "ticket_id": uuid.UUID(ticket_id),
            "number": number,
            "id": uuid.uuid4(),
            "author_id": uuid.uuid4(),
            "body": "x",
            "created_at": sa.func.current_timestamp(),
        }
        for number in range(1, count + 1)
    ]
    tickets_execute(installation, replies.insert().values(rows))


def test_a_deleted_ticket_is_gone_for_everyone_at_once(installation: Installation, people: People) -> None:
    ticket, other = (open_ticket(installation, people.user) for _ in range(2))
    path = path_of(ticket)
    reply(installation, people.admin, path)
    delete(installation, people, path)
    attempts: list[tuple[str, str, Any]] = [
        ("GET", "", None),
        ("GET", "/replies", None),
        ("PUT", "", {"body": "A reply."}),
        ("POST", "/replies", {"body": "A reply."}),
        ("PATCH", "/close", None),
        ("PATCH", "", {"priority": "low"}),
        ("PUT", "/subscription", None),
        ("DELETE", "/subscription", None),
        ("DELETE", "", None),
    ]
    for method, rest, body in attempts:
        options = {} if body is None else {"json": body}
        response = installation.call(method, path + rest, people.admin.access, **options)
        assert_problem(response, 404, "ticket_not_found")
    for reader in (people.user, people.admin):
        for query in ({}, {"q": "printer"}, {"status": "open", "author": people.user.id}):
            page = installation.call("GET", TICKETS, reader.access, params=query).json()
            assert [item["id"] for item in page["items"]] == [other["id"]]


def test_the_cleanup_deletes_every_row_about_a_deleted_ticket(
    installation: Installation, people: People
) -> None:
    ticket, other = (open_ticket(installation, people.user) for _ in range(2))
    for one in (ticket, other):
        reply(installation, people.admin, path_of(one))
        assign(installation, people.admin, path_of(one), people.deputy)
        installation.call("DELETE", f"{path_of(one)}/subscription", people.user.access)
    before = rows_about(installation, other["id"])
    assert before == rows_about(installation, ticket["id"])
    assert set(before) == {table.name for table in ABOUT_A_TICKET} - {"deleted_tickets"}
    mails = len(waiting(installation))
    delete(installation, people, path_of(ticket))
    cleanup = installation.tickets_app.state.services.cleanup
    assert installation.tickets.portal is not None
    installation.tickets.portal.call(cleanup.run_once)
    assert rows_about(installation, ticket["id"]) == {}
    assert rows_about(installation, other["id"]) == before
    assert len(waiting(installation)) == mails // 2, "the mails about the other ticket wait"
    assert installation.call("GET", path_of(other), people.user.access).json()["reply_count"] == 1


def test_a_long_thread_is_deleted_in_batches(installation: Installation, people: People) -> None:
    """Also a ticket of an older release, whose index was not limited."""
    words = " ".join(f"word{number}" for number in range(MAX_INDEXED_WORDS - 50))
    thread, short = (store_ticket(installation, people.user.id, body=words) for _ in range(2))
    store_replies(installation, thread, 120)
    delete(installation, people, f"{TICKETS}/{thread}")
    delete(installation, people, f"{TICKETS}/{short}")
    left = sum(
        rows_about(installation, one)[name] for one in (thread, short) for name in _counted(one, thread)
    )
    sizes = []
    while deleted := purge(installation, count=50):
        sizes.append(deleted)
        now = sum(sum(rows_about(installation, one).values()) for one in (thread, short))
        assert left - now <= 50 + 2, "one batch deleted more"
        left = now
    assert sizes[:-1] == [50] * (len(sizes) - 1)
    assert rows_about(installation, thread) == rows_about(installation, short) == {}


def _counted(one: str, thread: str) -> list[str]:
    names = ["ticket_search_terms", "deleted_tickets"]
    return [*names, "replies"] if one == thread else names


def test_deleting_a_long_thread_costs_no_more_than_deleting_a_short_one(
    installation: Installation, people: People
) -> None:
    """The request writes the same rows, however many replies there are."""
    thread, short = (store_ticket(installation, people.user.id) for _ in range(2))
    store_replies(installation, thread, 300)
    for one in (thread, short):
        before = rows_about(installation, one)
        delete(installation, people, f"{TICKETS}/{one}")
        assert rows_about(installation, one) == {**before, "deleted_tickets": 1}


@pytest.mark.databases("mariadb")
def test_replicas_purge_different_tickets(installation: Installation, people: People) -> None:
    one, *others = (store_ticket(installation, people.user.id) for _ in range(10))
    for ticket in (one, *others):
        delete(installation, people, f"{TICKETS}/{ticket}")
    with installation.tickets_engine.connect() as holder:
        holder.exec_driver_sql("BEGIN")
        locked = sa.select(deleted_tickets).where(deleted_tickets.c.ticket_id == uuid.UUID(one))
        holder.execute(locked.with_for_update())
        assert purge(installation) > 0
        assert [rows_about(installation, other) for other in others] == [{}] * 9
        holder.rollback()
    assert purge(installation) > 0
    assert rows_about(installation, one) == {}


def test_a_stale_etag_keeps_the_ticket(installation: Installation, people: People) -> None:
    path = path_of(open_ticket(installation, people.user))
    seen = installation.call("GET", path, people.admin.access).headers["etag"]
    reply(installation, people.user, path)
    before = stored(installation)
    response = installation.call("DELETE", path, people.admin.access, headers={"If-Match": seen})
    assert_problem(response, 412, "precondition_failed")
    assert stored(installation) == before
    current = installation.call("GET", path, people.admin.access).headers["etag"]
    response = installation.call("DELETE", path, people.admin.access, headers={"If-Match": current})
    assert response.status_code == 204


def test_authors_and_former_administrators_cannot_delete(installation: Installation, people: People) -> None:
    path = path_of(open_ticket(installation, people.user))
    # Behind the services: no revocation list has the token.
    installation.execute("UPDATE users SET role = 'user' WHERE email = :email", email=people.deputy.email)
    before = stored(installation)
    author = installation.call("DELETE", path, people.user.access)
    assert assert_problem(author, 403, "insufficient_permission")["required"] == "tickets:delete"
    assert_problem(installation.call("DELETE", path, people.deputy.access), 401, "invalid_token")
    assert stored(installation) == before


def test_a_deletion_is_logged_with_its_administrator(installation: Installation, people: People) -> None:
    ticket = open_ticket(installation, people.user)
    reply(installation, people.user, path_of(ticket))
    with capture_logs() as lines:
        delete(installation, people, path_of(ticket))
    (line,) = [line for line in lines if line["event"] == "ticket.deleted"]
    assert {name: line[name] for name in ("actor_id", "ticket_id", "author_id", "replies")} == {
        "actor_id": people.admin.id,
        "ticket_id": ticket["id"],
        "author_id": people.user.id,
        "replies": 1,
    }


def test_unsent_mail_about_a_deleted_ticket_is_not_sent(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    deleted, kept = (path_of(open_ticket(mailing, people.user)) for _ in range(2))
    for path in (deleted, kept):
        reply(mailing, people.admin, path)
    wait_until(lambda: len(smtp.mails()) == 2, "sent")
    settled(mailing, smtp)
    smtp.reset()
    for path in (deleted, kept):
        reply(mailing, people.admin, path, "Once more.")  # waits for the end of the interval
    assert len(waiting(mailing)) == 2
    delete(mailing, people, deleted)
    ((_, _, parameters),) = waiting(mailing)
    assert uuid.UUID(kept.rsplit("/", 1)[1]).hex in parameters
    let_time_pass(mailing)
    (mail,) = settled(mailing, smtp)
    assert kept.rsplit("/", 1)[1] in mail.text()


def test_a_dead_letter_about_a_deleted_ticket_is_deleted(installation: Installation, people: People) -> None:
    path = path_of(open_ticket(installation, people.user))
    reply(installation, people.admin, path)
    dead = outbox.update().values(dead_at=utc_now(), due_at=None, last_error="recipient 550")
    tickets_execute(installation, dead)
    where = f"{TICKETS}/mail/dead-letters"
    assert len(installation.call("GET", where, people.admin.access).json()["items"]) == 1
    delete(installation, people, path)
    assert installation.call("GET", where, people.admin.access).json()["items"] == []


def test_a_ticket_with_more_search_terms_than_today_is_deleted_completely(
    installation: Installation, people: People
) -> None:
    """As releases without the limit stored it."""
    ticket = store_ticket(installation, people.user.id)
    words = [f"old{number}" for number in range(700)]
    tickets_execute(installation, tickets.update().values(search_text=" " + " ".join(words)))
    tickets_execute(installation, ticket_search_terms.delete())
    rows = [{"word": word, "ticket_id": uuid.UUID(ticket)} for word in words]
    tickets_execute(installation, ticket_search_terms.insert().values(rows))
    delete(installation, people, f"{TICKETS}/{ticket}")
    assert [purge(installation), purge(installation), purge(installation)] == [500, 200, 0]
    assert rows_about(installation, ticket) == {}
