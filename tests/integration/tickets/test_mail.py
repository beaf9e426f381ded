"""Mail about tickets, through a real SMTP server: who gets it, what it says, and how little there is."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from doorward_common.columns import utc_now
from doorward_tickets.notices import repository
from doorward_tickets.notices.kinds import NoticeKind
from doorward_tickets.notices.repository import Notice
from doorward_tickets.people.accounts import AccountsUnavailableError
from doorward_tickets.tables import notices, outbox, replies, tickets
from integration.harness.deployment import wait_until, wait_until_a_row_is_waited_for
from integration.harness.installation import TICKETS, Installation, another
from integration.harness.people import People, Person, enrol
from integration.harness.tickets import TICKET, mailing_through, open_ticket, path_of, tickets_execute
from support.databases import DatabaseServer
from support.smtp import ReceivedMail, SmtpServer

APP = "https://app.example.com"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def mailing(installation: Installation, people: People, smtp: SmtpServer) -> Iterator[Installation]:
    del people
    with mailing_through(
        installation,
        smtp,
        mail_from_name="Test Team",
        mail_poll_seconds=0.05,
        mail_retry_seconds=0.1,
        notice_seconds=3600,
        app_url=APP,
    ) as replica:
        yield replica


def reply(installation: Installation, person: Person, path: str, text: str = "A reply.") -> httpx2.Response:
    response = installation.call("POST", f"{path}/replies", person.access, json={"text": text})
    assert response.status_code == 201, response.text
    return response


def assign(installation: Installation, admin: Person, path: str, person: Person | None) -> None:
    body = {"assignee_id": None if person is None else person.id}
    response = installation.call("PATCH", path, admin.access, json=body)
    assert response.status_code == 200, response.text


def waiting(installation: Installation) -> list[tuple[Any, ...]]:
    return tickets_execute(
        installation, sa.select(outbox.c.template, outbox.c.recipient, outbox.c.parameters)
    )


def settled(installation: Installation, smtp: SmtpServer) -> list[ReceivedMail]:
    """Return what was sent once the outbox is empty."""
    wait_until(lambda: not waiting(installation), 60, "sent")
    return smtp.mails()


def let_time_pass(installation: Installation) -> None:
    """Let every mail's time have come."""
    for table in (notices, outbox):
        tickets_execute(installation, table.update().values(due_at=LONG_AGO))


def told(mails: list[ReceivedMail]) -> list[tuple[str, str]]:
    return sorted((mail.recipients[0], str(mail.message["Subject"])) for mail in mails)


def test_the_other_side_is_told(mailing: Installation, people: People, smtp: SmtpServer) -> None:
    path = path_of(open_ticket(mailing, people.user))
    reply(mailing, people.user, path)
    assert waiting(mailing) == [], "nobody has taken it up: nobody is told"
    reply(mailing, people.admin, path)
    (first,) = settled(mailing, smtp)
    assert told([first]) == [("user@example.com", f"New reply: {TICKET['subject']}")]
    reply(mailing, people.user, path)
    mailing.call("PATCH", f"{path}/close", people.admin.access)
    assert told(settled(mailing, smtp)) == [
        ("admin@example.com", f"New reply: {TICKET['subject']}"),
        ("user@example.com", f"Closed: {TICKET['subject']}"),
        ("user@example.com", f"New reply: {TICKET['subject']}"),
    ]


def test_on_assignment_the_assignee_and_the_author(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    path = path_of(open_ticket(mailing, people.user))
    assign(mailing, people.admin, path, people.deputy)
    assert told(settled(mailing, smtp)) == [
        ("deputy@example.com", f"Assigned to you: {TICKET['subject']}"),
        ("user@example.com", f"Somebody is on it: {TICKET['subject']}"),
    ]
    reply(mailing, people.user, path)
    mailing.call("PATCH", f"{path}/close", people.user.access)
    mails = settled(mailing, smtp)[2:]
    assert told(mails) == [
        ("deputy@example.com", f"Closed: {TICKET['subject']}"),
        ("deputy@example.com", f"New reply: {TICKET['subject']}"),
    ]


def test_whoever_acts_is_told_nothing(mailing: Installation, people: People, smtp: SmtpServer) -> None:
    path = path_of(open_ticket(mailing, people.admin))
    assign(mailing, people.admin, path, people.admin)
    reply(mailing, people.admin, path)
    mailing.call("PATCH", f"{path}/close", people.admin.access)
    assert (waiting(mailing), smtp.mails()) == ([], [])


def test_what_changes_nothing_tells_nobody(mailing: Installation, people: People, smtp: SmtpServer) -> None:
    path = path_of(open_ticket(mailing, people.user))
    headers = {"Idempotency-Key": "once"}
    body = {"text": "Once."}
    for _ in range(3):
        mailing.call("POST", f"{path}/replies", people.admin.access, json=body, headers=headers)
        mailing.call("PUT", path, people.admin.access, json=body)
    for _ in range(2):
        assign(mailing, people.admin, path, people.deputy)
        mailing.call("PATCH", path, people.admin.access, json={"priority": "high"})
    for _ in range(2):
        mailing.call("PATCH", f"{path}/close", people.deputy.access)
    settled(mailing, smtp)
    let_time_pass(mailing)
    mailing.call("PATCH", f"{path}/close", people.deputy.access)
    kinds = [subject.partition(":")[0] for _, subject in told(settled(mailing, smtp))]
    assert sorted(kinds) == ["Assigned to you", "Closed", "New reply", "Somebody is on it"]


def test_it_says_what_happened_and_not_what_was_written(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    subject = "Fire <b>& smoke =?utf-8?q?=0ABcc:_x@example.com?="
    ticket = open_ticket(mailing, people.user, subject=subject, text="PIN 1234")
    reply(mailing, people.admin, path_of(ticket), "The PIN is 4321.")
    (mail,) = settled(mailing, smtp)
    link = f"{APP}/tickets/{ticket['id']}"
    assert subject in mail.text()
    assert "Fire &lt;b&gt;&amp; smoke" in mail.text("html")
    assert link in mail.text()
    assert link in mail.text("html")
    assert mail.message.get_all("Bcc") is None
    for secret in ("1234", "4321"):
        assert secret not in mail.content.decode("utf-8")
    assert mail.text().startswith("Hello User,")


def test_it_is_in_the_language_that_its_reader_writes_with(
    installation: Installation, people: People, smtp: SmtpServer, tmp_path: Path
) -> None:
    own = tmp_path / "texts" / "de"
    own.mkdir(parents=True)
    for part in ("subject.txt", "txt", "html"):
        (own / f"ticket_replied.{part}").write_text("Antwort: {{ ticket }}", encoding="utf-8")
    settings = {
        "smtp_host": "127.0.0.1",
        "smtp_port": smtp.port,
        "smtp_tls": "none",
        "mail_from": "no-reply@example.com",
        "mail_poll_seconds": 0.05,
        "mail_templates_dir": own.parent,
    }
    with another(installation, **settings) as replica:
        headers = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.8"}
        made = replica.call("POST", TICKETS, people.user.access, headers=headers, json=dict(TICKET)).json()
        reply(replica, people.admin, path_of(made))
        (mail,) = settled(replica, smtp)
        assert str(mail.message["Subject"]) == f"Antwort: {TICKET['subject']}"
        # Whoever says nothing about it, or nonsense, reads what they read before.
        again = made
        for said in ("", "*", "x" * 300, "de;drop"):
            again = open_ticket_saying(replica, people.user, said)
        reply(replica, people.admin, path_of(again))
        mails = settled(replica, smtp)
        assert [str(one.message["Subject"]) for one in mails[1:]] == [f"Antwort: {TICKET['subject']}"]
        reply(replica, people.user, path_of(made))
        assert str(settled(replica, smtp)[-1].message["Subject"]) == f"New reply: {TICKET['subject']}"


def open_ticket_saying(installation: Installation, person: Person, language: str) -> dict[str, Any]:
    headers = {"Accept-Language": language}
    response = installation.call("POST", TICKETS, person.access, headers=headers, json=dict(TICKET))
    assert response.status_code == 201, response.text
    created: dict[str, Any] = response.json()
    return created


def test_a_script_fills_nobodys_mailbox(mailing: Installation, people: People, smtp: SmtpServer) -> None:
    path = path_of(open_ticket(mailing, people.user))
    assign(mailing, people.admin, path, people.admin)
    settled(mailing, smtp)
    sent = len(smtp.mails())
    reply(mailing, people.user, path)
    smtp.wait_for(lambda mails: len(mails) == sent + 1)
    wait_until(lambda: not waiting(mailing), 60, "sent")
    for number in range(20):
        reply(mailing, people.user, path, f"Reply {number}")
    assert len(waiting(mailing)) == 1
    assert len(smtp.mails()) == sent + 1
    let_time_pass(mailing)
    assert told(settled(mailing, smtp)[sent:]) == [
        ("admin@example.com", f"20 new replies: {TICKET['subject']}"),
        ("admin@example.com", f"New reply: {TICKET['subject']}"),
    ]


def test_closing_and_opening_on_and_on_is_one_mail(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    path = path_of(open_ticket(mailing, people.user))
    assign(mailing, people.admin, path, people.admin)
    settled(mailing, smtp)
    for _ in range(5):
        mailing.call("PATCH", f"{path}/close", people.user.access)
        reply(mailing, people.user, path)
    let_time_pass(mailing)
    kinds = [
        subject for recipient, subject in told(settled(mailing, smtp)) if recipient == people.admin.email
    ]
    assert sum(kind.startswith("Closed") for kind in kinds) <= 1, "it is open: only one that was in time"


def test_whoever_mutes_a_ticket_gets_no_mail_about_it(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    path, other = (path_of(open_ticket(mailing, people.user)) for _ in range(2))
    assert mailing.call("GET", path, people.user.access).json()["muted"] is False
    tag = mailing.call("GET", path, people.user.access).headers["etag"]
    for _ in range(2):
        assert mailing.call("PUT", f"{path}/mute", people.user.access).status_code == 204
    headers = {"If-None-Match": tag}
    assert mailing.call("GET", path, people.user.access, headers=headers).json()["muted"] is True
    assert mailing.call("GET", path, people.admin.access).json()["muted"] is False
    reply(mailing, people.admin, path)
    reply(mailing, people.admin, other)
    assert len(settled(mailing, smtp)) == 1
    for _ in range(2):
        assert mailing.call("DELETE", f"{path}/mute", people.user.access).status_code == 204
    assert mailing.call("GET", path, people.user.access).json()["muted"] is False
    let_time_pass(mailing)
    reply(mailing, people.admin, path)
    assert len(settled(mailing, smtp)) == 2


def test_muting_while_a_mail_waits_counts(mailing: Installation, people: People, smtp: SmtpServer) -> None:
    path = path_of(open_ticket(mailing, people.user))
    smtp.freeze()
    reply(mailing, people.admin, path)
    mailing.call("PUT", f"{path}/mute", people.user.access)
    smtp.thaw()
    assert settled(mailing, smtp) == []


@pytest.mark.parametrize("fate", ["deleted", "disabled"])
def test_whoever_is_gone_gets_no_mail(
    mailing: Installation, people: People, smtp: SmtpServer, fate: str
) -> None:
    gone = enrol(mailing, people.admin)
    path = path_of(open_ticket(mailing, gone))
    if fate == "deleted":
        assert mailing.call("DELETE", gone.path, people.admin.access).status_code == 204
    else:
        mailing.call("PATCH", gone.path, people.admin.access, json={"status": "disabled"})
    reply(mailing, people.admin, path)
    assert settled(mailing, smtp) == []


@pytest.mark.parametrize("was", ["assignee", "last to answer"])
def test_in_place_of_whoever_was_deleted_the_last_who_answered_is_told(
    mailing: Installation, people: People, smtp: SmtpServer, was: str
) -> None:
    """Otherwise nobody would learn that the author still waits."""
    path = path_of(open_ticket(mailing, people.user))
    reply(mailing, people.admin, path)
    if was == "assignee":
        assign(mailing, people.admin, path, people.deputy)
    else:
        reply(mailing, people.deputy, path)
    let_time_pass(mailing)
    sent = len(settled(mailing, smtp))
    assert mailing.call("DELETE", people.deputy.path, people.admin.access).status_code == 204
    mailing.follow_deletions()
    reply(mailing, people.user, path)
    assert told(settled(mailing, smtp)[sent:]) == [("admin@example.com", f"New reply: {TICKET['subject']}")]


def test_whoever_may_no_longer_see_it_gets_no_mail(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    path = path_of(open_ticket(mailing, people.user))
    assign(mailing, people.admin, path, people.deputy)
    settled(mailing, smtp)
    sent = len(smtp.mails())
    mailing.call("PATCH", people.deputy.path, people.admin.access, json={"role": "user"})
    reply(mailing, people.user, path)
    assert settled(mailing, smtp)[sent:] == []


def test_an_address_is_the_one_of_now_and_kept_nowhere(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    path = path_of(open_ticket(mailing, people.user))
    body = {"email": "moved@example.com"}
    assert mailing.call("PATCH", people.user.path, people.admin.access, json=body).status_code == 200
    smtp.freeze()
    reply(mailing, people.admin, path)
    assert [(row[1], "@" in row[2]) for row in waiting(mailing)] == [(None, False)]
    smtp.thaw()
    assert told(settled(mailing, smtp))[0][0] == "moved@example.com"


def test_while_auth_is_away_mail_waits(mailing: Installation, people: People, smtp: SmtpServer) -> None:
    path = path_of(open_ticket(mailing, people.user))
    accounts = mailing.tickets_app.state.deletions._accounts
    asked: list[object] = []

    async def away(*arguments: object) -> httpx2.Response:
        asked.append(arguments)
        raise AccountsUnavailableError

    accounts._get = away
    try:
        reply(mailing, people.admin, path)
        wait_until(lambda: len(asked) >= 2, 60, "asked again")
        ((template, _, _),) = waiting(mailing)
        assert (template, smtp.mails()) == ("ticket_replied", [])
        (attempts,) = tickets_execute(mailing, sa.select(outbox.c.attempts))[0]
        assert attempts <= 1, "auth's absence was counted against the mail"
    finally:
        del accounts._get
    assert len(settled(mailing, smtp)) == 1


def test_while_the_mail_server_is_away_one_mail_gathers_everything(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    """Each window writes a mail, and the newest tells of all: those before it are not sent."""
    path = path_of(open_ticket(mailing, people.user))
    smtp.stop()
    for _ in range(4):
        reply(mailing, people.admin, path)
        wait_until(lambda: len(waiting(mailing)) > 0, 30, "written")
        tickets_execute(mailing, notices.update().values(due_at=LONG_AGO))
    assert len(waiting(mailing)) == 4
    smtp.start()
    assert told(settled(mailing, smtp)) == [("user@example.com", f"4 new replies: {TICKET['subject']}")]


def test_a_mail_is_not_written_while_a_change_relies_on_it(
    mailing: Installation, people: People, smtp: SmtpServer, mariadb_server: DatabaseServer
) -> None:
    """A change that has found a mail waiting commits after the mail's time: the mail waits for it."""
    if mailing.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer: the worker's transaction waits for the change's")
    path = path_of(open_ticket(mailing, people.user))
    reply(mailing, people.admin, path)
    settled(mailing, smtp)
    reply(mailing, people.admin, path)  # waits for its time, an hour away
    ticket_id = uuid.UUID(path.rpartition("/")[2]).bytes
    notice = Notice(ticket_id, uuid.UUID(people.user.id).bytes, NoticeKind.REPLIED)
    with mailing.tickets_engine.connect() as change:
        change.exec_driver_sql("BEGIN")
        change.execute(sa.select(tickets).where(tickets.c.id == ticket_id).with_for_update())
        assert not repository.schedule(change, notice, since=2, seconds=3600)
        values = {"ticket_id": ticket_id, "number": 3, "id": uuid.uuid4().bytes, "text": "Late."}
        change.execute(
            replies.insert().values(
                **values, author_id=uuid.UUID(people.admin.id).bytes, created_at=utc_now()
            )
        )
        tickets_execute(mailing, outbox.update().values(due_at=LONG_AGO))
        wait_until_a_row_is_waited_for(mariadb_server)
        change.commit()
    assert told(settled(mailing, smtp))[0] == ("user@example.com", f"2 new replies: {TICKET['subject']}")


def test_no_change_is_held_up_by_a_mail_server(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    path = path_of(open_ticket(mailing, people.user))
    smtp.behave(delay=5)
    reply(mailing, people.admin, path)
    assert mailing.call("GET", path, people.user.access).json()["reply_count"] == 1
    assert smtp.mails() == []
    smtp.behave()
    assert len(settled(mailing, smtp)) == 1


def test_a_change_that_is_rolled_back_tells_nobody(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    path = path_of(open_ticket(mailing, people.user))
    headers = {"If-Match": '"99"'}
    answer = mailing.call("POST", f"{path}/replies", people.admin.access, json={"text": "x"}, headers=headers)
    assert answer.status_code == 412
    assert (waiting(mailing), smtp.mails()) == ([], [])


def test_old_notices_are_swept_once_their_mail_is_gone(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    path = path_of(open_ticket(mailing, people.user))
    smtp.stop()
    reply(mailing, people.admin, path)
    database = mailing.tickets_app.state.means.database

    def sweep(seconds: int) -> int:
        return int(database.write_now(lambda c: repository.sweep(c, seconds=seconds, count=10)))

    assert sweep(3600) == 0
    tickets_execute(mailing, notices.update().values(due_at=LONG_AGO))
    assert len(waiting(mailing)) == 1
    assert sweep(3600) == 0
    smtp.start()
    settled(mailing, smtp)
    assert sweep(3600) == 1


def test_people_mute_what_they_see_and_nothing_else(mailing: Installation, people: People) -> None:
    path = path_of(open_ticket(mailing, people.user))
    for method in ("PUT", "DELETE"):
        for where in (path, f"{TICKETS}/{uuid.uuid4()}"):
            assert mailing.call(method, f"{where}/mute", people.other.access).status_code == 404
