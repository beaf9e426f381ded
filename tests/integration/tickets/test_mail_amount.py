"""The number of mails about a ticket: one mail reports all events of an interval."""

import uuid

import pytest
import sqlalchemy as sa

from doorward_kit.column_types import utc_now
from doorward_tickets.notifications import repository
from doorward_tickets.notifications.repository import NotificationKey, NotificationType
from doorward_tickets.tables import outbox, pending_notifications, replies, tickets
from integration.harness.deployment import wait_until, wait_until_a_row_is_waited_for
from integration.harness.installation import Installation
from integration.harness.people import People
from integration.harness.tickets import open_ticket, path_of, tickets_execute
from integration.tickets.mailing import (
    LONG_AGO,
    assign,
    events,
    let_time_pass,
    reply,
    settled,
    waiting,
)
from support.databases import DatabaseServer
from support.smtp import SmtpServer


def test_many_replies_send_few_mails(mailing: Installation, people: People, smtp: SmtpServer) -> None:
    path = path_of(open_ticket(mailing, people.user))
    assign(mailing, people.admin, path, people.admin)
    settled(mailing, smtp)
    sent = len(smtp.mails())
    reply(mailing, people.user, path)
    smtp.wait_for(lambda mails: len(mails) == sent + 1)
    settled(mailing, smtp)
    for number in range(20):
        reply(mailing, people.user, path, f"Reply {number}")
    assert len(waiting(mailing)) == 1
    assert len(smtp.mails()) == sent + 1
    let_time_pass(mailing)
    assert events(settled(mailing, smtp)[sent:]) == [
        ("admin@example.com", "Ticket # has 20 new replies"),
        ("admin@example.com", "Ticket # has a new reply"),
    ]


def test_repeated_closing_and_reopening_sends_one_mail(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    path = path_of(open_ticket(mailing, people.user))
    assign(mailing, people.admin, path, people.admin)
    settled(mailing, smtp)
    for _ in range(5):
        mailing.call("PATCH", f"{path}/close", people.user.access)
        reply(mailing, people.user, path)
    let_time_pass(mailing)
    kinds = [event for recipient, event in events(settled(mailing, smtp)) if recipient == people.admin.email]
    assert sum("was closed" in kind for kind in kinds) <= 1, "it is open: only one that was in time"


def test_during_a_mail_outage_one_mail_collects_all_replies(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    """Each interval creates a mail; the newest reports all events, and the older ones are not sent."""
    path = path_of(open_ticket(mailing, people.user))
    smtp.stop()
    for _ in range(4):
        reply(mailing, people.admin, path)
        wait_until(lambda: len(waiting(mailing)) > 0, "written")
        tickets_execute(mailing, pending_notifications.update().values(due_at=LONG_AGO))
    assert len(waiting(mailing)) == 4
    smtp.start()
    assert events(settled(mailing, smtp)) == [("user@example.com", "Ticket # has 4 new replies")]


@pytest.mark.databases("mariadb")  # SQLite has one writer
def test_a_mail_waits_for_an_uncommitted_change_that_extends_it(
    mailing: Installation, people: People, smtp: SmtpServer, mariadb_server: DatabaseServer
) -> None:
    """A change that adds to a waiting mail commits after its due time, so the mail waits for the commit."""
    path = path_of(open_ticket(mailing, people.user))
    reply(mailing, people.admin, path)
    settled(mailing, smtp)
    reply(mailing, people.admin, path)  # due in an hour
    ticket_id = uuid.UUID(path.rpartition("/")[2])
    notice = NotificationKey(ticket_id, uuid.UUID(people.user.id), NotificationType.REPLIED)
    with mailing.tickets_engine.connect() as change:
        change.exec_driver_sql("BEGIN")
        change.execute(sa.select(tickets).where(tickets.c.id == ticket_id).with_for_update())
        assert not repository.schedule(change, notice, after_reply_number=2, interval_seconds=3600)
        values = {"ticket_id": ticket_id, "number": 3, "id": uuid.uuid4(), "body": "Late."}
        change.execute(
            replies.insert().values(**values, author_id=uuid.UUID(people.admin.id), created_at=utc_now())
        )
        tickets_execute(mailing, outbox.update().values(due_at=LONG_AGO))
        wait_until_a_row_is_waited_for(mariadb_server)
        change.commit()
    assert events(settled(mailing, smtp))[0] == (
        "user@example.com",
        "Ticket # has 2 new replies",
    )


def test_old_notifications_are_deleted_after_their_mail(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    path = path_of(open_ticket(mailing, people.user))
    smtp.stop()
    reply(mailing, people.admin, path)
    database = mailing.tickets_app.state.resources.database

    def clean_up(seconds: int) -> int:
        return int(database.write_now(lambda c: repository.purge(c, seconds=seconds, count=10)))

    assert clean_up(3600) == 0
    tickets_execute(mailing, pending_notifications.update().values(due_at=LONG_AGO))
    assert len(waiting(mailing)) == 1
    assert clean_up(3600) == 0
    smtp.start()
    settled(mailing, smtp)
    assert clean_up(3600) == 1
