"""Retrying dead letters of tickets, with a real mail server."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs

from doorward_kit.column_types import utc_now
from doorward_tickets.notifications import repository
from doorward_tickets.notifications.repository import NotificationKey, NotificationType
from doorward_tickets.tables import pending_notifications
from integration.harness.deployment import wait_until, wait_until_a_row_is_waited_for
from integration.harness.installation import Installation
from integration.harness.people import People
from integration.harness.problems import assert_problem
from integration.harness.tickets import mailing_through, open_ticket, path_of, tickets_execute
from integration.tickets.mailing import event_of
from integration.tickets.test_dead_letters import DEAD_LETTERS, dead_letters, stored
from support.databases import DatabaseServer
from support.smtp import SmtpServer


@pytest.fixture
def mailing(installation: Installation, people: People, smtp: SmtpServer) -> Iterator[Installation]:
    """A replica that sends mail immediately after a change."""
    del people
    with mailing_through(
        installation, smtp, mail_poll_seconds=60, mail_retry_seconds=0.05, notification_interval_seconds=1
    ) as replica:
        yield replica


@contextmanager
def rejecting(smtp: SmtpServer) -> Iterator[None]:
    """Let the mail server reject every mail permanently during the block."""
    smtp.behave(reject_at="rcpt", code=550, status="5.1.1")
    yield
    smtp.behave()


def reply_in_vain(mailing: Installation, people: People, smtp: SmtpServer, path: str) -> str:
    """Reply to a ticket whose mail is rejected; return the id of the dead letter."""
    known = len(dead_letters(mailing, people))
    with rejecting(smtp):
        reply(mailing, people, path)
        wait_until(lambda: len(dead_letters(mailing, people)) > known, "dead")
    newest: str = dead_letters(mailing, people)[0]["id"]
    return newest


def reply(mailing: Installation, people: People, path: str) -> None:
    response = mailing.call("POST", f"{path}/replies", people.admin.access, json={"body": "Look at it."})
    assert response.status_code == 201, response.text


def let_the_next_be_due(mailing: Installation) -> None:
    """End the interval in which there is one mail of a type about a ticket."""
    tickets_execute(mailing, pending_notifications.update().values(due_at=utc_now(-60)))


def sent(mailing: Installation, smtp: SmtpServer) -> list[str]:
    """Wait until the outbox is empty, and return what the sent mails say has happened."""
    wait_until(lambda: all(row.dead_at for row in stored(mailing)), "sent")
    return [event_of(mail) for mail in smtp.mails()]


def test_a_retried_dead_letter_arrives(mailing: Installation, people: People, smtp: SmtpServer) -> None:
    ticket = open_ticket(mailing, people.user)
    dead = reply_in_vain(mailing, people, smtp, path_of(ticket))
    [dead_letter] = dead_letters(mailing, people)
    assert (dead_letter["ticket_id"], dead_letter["user_id"]) == (ticket["id"], people.user.id)
    assert dead_letter["error"] == "recipient 550 5.1.1"
    assert mailing.call("POST", f"{DEAD_LETTERS}/{dead}/retry", people.admin.access).status_code == 202
    assert sent(mailing, smtp) == ["Ticket # has a new reply"]
    assert smtp.mails()[0].recipients == [people.user.email]
    assert stored(mailing) == []


def test_a_notification_is_kept_while_its_mail_can_be_retried(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    """Without its notification the mail would be considered superseded, and dropped after a 202."""
    dead = reply_in_vain(mailing, people, smtp, path_of(open_ticket(mailing, people.user)))
    tickets_execute(mailing, pending_notifications.update().values(due_at=utc_now(-29 * 86_400)))
    database = mailing.tickets_app.state.resources.database

    def clean_up() -> int:
        return int(database.write_now(lambda c: repository.purge(c, seconds=3600, count=10)))

    assert clean_up() == 0
    mailing.call("POST", f"{DEAD_LETTERS}/{dead}/retry", people.admin.access)
    assert sent(mailing, smtp) == ["Ticket # has a new reply"]
    assert clean_up() == 1


def test_the_next_mail_includes_the_replies_of_a_dead_letter(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    """The dead letter is then superseded, and a retry of it is rejected."""
    path = path_of(open_ticket(mailing, people.user))
    dead = reply_in_vain(mailing, people, smtp, path)
    let_the_next_be_due(mailing)
    reply(mailing, people, path)
    assert sent(mailing, smtp) == ["Ticket # has 2 new replies"]
    assert_superseded(mailing, people, dead)
    tickets_execute(mailing, pending_notifications.delete())  # like the later cleanup
    assert_superseded(mailing, people, dead)
    assert mailing.call("DELETE", f"{DEAD_LETTERS}/{dead}", people.admin.access).status_code == 204
    assert len(smtp.mails()) == 1


def assert_superseded(mailing: Installation, people: People, dead: str) -> None:
    before = stored(mailing)
    with capture_logs() as entries:
        rejected = mailing.call("POST", f"{DEAD_LETTERS}/{dead}/retry", people.admin.access)
    assert_problem(rejected, 409, "mail_superseded")
    assert stored(mailing) == before
    assert "mail.retried" not in {entry["event"] for entry in entries}


def test_of_several_dead_letters_the_newest_includes_all_replies(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    path = path_of(open_ticket(mailing, people.user))
    older = reply_in_vain(mailing, people, smtp, path)
    let_the_next_be_due(mailing)
    newest = reply_in_vain(mailing, people, smtp, path)
    assert_superseded(mailing, people, older)
    assert mailing.call("POST", f"{DEAD_LETTERS}/{newest}/retry", people.admin.access).status_code == 202
    assert sent(mailing, smtp) == ["Ticket # has 2 new replies"]
    assert_superseded(mailing, people, older)


@pytest.mark.databases("mariadb")  # SQLite has one writer
def test_a_mail_that_is_being_superseded_cannot_be_retried(
    mailing: Installation, people: People, smtp: SmtpServer, mariadb_server: DatabaseServer
) -> None:
    """A change enqueues a newer mail and commits during the retry of the older one."""
    ticket = open_ticket(mailing, people.user)
    dead = reply_in_vain(mailing, people, smtp, path_of(ticket))
    let_the_next_be_due(mailing)
    ticket_id, person_id = (uuid.UUID(one) for one in (ticket["id"], people.user.id))
    notice = NotificationKey(ticket_id, person_id, NotificationType.REPLIED)
    with mailing.tickets_engine.connect() as change, ThreadPoolExecutor(1) as threads:
        change.exec_driver_sql("BEGIN")
        assert repository.schedule(change, notice, after_reply_number=1, interval_seconds=1)
        path = f"{DEAD_LETTERS}/{dead}/retry"
        resending = threads.submit(mailing.call, "POST", path, people.admin.access)
        wait_until_a_row_is_waited_for(mariadb_server)
        change.commit()
        assert_problem(resending.result(), 409, "mail_superseded")


def test_replies_of_a_discarded_mail_are_not_sent_later(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    path = path_of(open_ticket(mailing, people.user))
    dead = reply_in_vain(mailing, people, smtp, path)
    mailing.call("DELETE", f"{DEAD_LETTERS}/{dead}", people.admin.access)
    let_the_next_be_due(mailing)
    reply(mailing, people, path)
    assert sent(mailing, smtp) == ["Ticket # has a new reply"]
