"""Content and language of mail about a ticket."""

from pathlib import Path
from typing import Any

from integration.harness.installation import TICKETS, USERS, Installation
from integration.harness.people import People, Person
from integration.harness.tickets import TICKET, mailing_through, open_ticket, path_of
from integration.tickets.mailing import APP, event_of, reply, settled
from support.smtp import SmtpServer


def test_mail_quotes_the_subject_and_not_the_rest_of_the_ticket(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    subject = "Fire <b>& smoke =?utf-8?q?=0ABcc:_x@example.com?="
    ticket = open_ticket(mailing, people.user, subject=subject, body="PIN 1234")
    reply(mailing, people.admin, path_of(ticket), "The PIN is 4321.")
    (mail,) = settled(mailing, smtp)
    link = f"{APP}/tickets/{ticket['id']}"
    assert "\n> Fire <b>& smoke =?utf-8?q?=0ABcc[:]_x[@]example[.]com?=\n" in mail.text()
    assert ">Fire &lt;b&gt;&amp; smoke =?utf-8?q?=0ABcc[:]_x[@]example[.]com?=</block" in mail.text("html")
    assert link in mail.text()
    assert link in mail.text("html")
    assert mail.message.get_all("Bcc") is None
    for secret in ("1234", "4321"):
        assert secret not in mail.content.decode("utf-8")
    assert mail.text().startswith(f"Hello,\n\nTicket #{ticket['number']} has a new reply.")


def test_names_and_subjects_of_users_are_quoted_and_not_linked(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    name = "IT: renew at https://evil.example"
    assert mailing.call("PATCH", f"{USERS}/me", people.admin.access, json={"name": name}).status_code == 200
    ticket = open_ticket(mailing, people.user, subject="Your password expires, www.evil.example")
    reply(mailing, people.admin, path_of(ticket))
    (mail,) = settled(mailing, smtp)
    assert (
        str(mail.message["Subject"])
        == f"Ticket #{ticket['number']}: “Your password expires, www[.]evil[.]example”"
    )
    assert "\n\n> IT: renew at https[:]//evil[.]example\n\n" in mail.text()
    for part in (mail.text(), mail.text("html")):
        assert "evil.example" not in part
        assert "evil[.]example" in part


def test_mail_is_in_the_language_of_its_recipient(
    installation: Installation, people: People, smtp: SmtpServer, tmp_path: Path
) -> None:
    own = tmp_path / "texts" / "de"
    own.mkdir(parents=True)
    for part in ("subject.txt", "txt", "html"):
        (own / f"ticket_replied.{part}").write_text("Antwort: {{ ticket }}", encoding="utf-8")
    texts = own.parent
    with mailing_through(installation, smtp, mail_poll_seconds=0.05, mail_templates_dir=texts) as replica:
        headers = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.8"}
        made = replica.call("POST", TICKETS, people.user.access, headers=headers, json=dict(TICKET)).json()
        reply(replica, people.admin, path_of(made))
        (mail,) = settled(replica, smtp)
        assert str(mail.message["Subject"]) == f"Antwort: {TICKET['subject']}"
        # Without a valid Accept-Language the stored language is used.
        again = made
        for said in ("", "*", "x" * 300, "de;drop"):
            again = open_ticket_saying(replica, people.user, said)
        reply(replica, people.admin, path_of(again))
        mails = settled(replica, smtp)
        assert [str(one.message["Subject"]) for one in mails[1:]] == [f"Antwort: {TICKET['subject']}"]
        reply(replica, people.user, path_of(made))
        assert event_of(settled(replica, smtp)[-1]) == "Ticket # has a new reply"


def open_ticket_saying(installation: Installation, person: Person, language: str) -> dict[str, Any]:
    headers = {"Accept-Language": language}
    response = installation.call("POST", TICKETS, person.access, headers=headers, json=dict(TICKET))
    assert response.status_code == 201, response.text
    created: dict[str, Any] = response.json()
    return created
