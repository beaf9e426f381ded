"""Mails about one ticket are one conversation in the mailbox of each recipient."""

import sqlalchemy as sa

from doorward_tickets.tables import tickets
from integration.harness.installation import Installation
from integration.harness.people import People
from integration.harness.tickets import TICKET, open_ticket, path_of, store_ticket, tickets_execute
from integration.tickets.mailing import assign, let_time_pass, reply, settled
from support.smtp import ReceivedMail, SmtpServer


def conversation_of(mail: ReceivedMail) -> str:
    """Return the id that a mail refers to, which both headers must have."""
    answered, references = (str(mail.message[name]) for name in ("In-Reply-To", "References"))
    assert answered == references
    assert answered.startswith("<")
    return answered


def send_every_type(mailing: Installation, people: People, path: str) -> None:
    """Cause each type of mail about a ticket, to its author and to the deputy."""
    assign(mailing, people.admin, path, people.deputy)
    reply(mailing, people.admin, path)
    reply(mailing, people.user, path)
    assert mailing.call("PATCH", f"{path}/close", people.admin.access).status_code == 200


def test_a_recipients_mails_about_a_ticket_refer_to_one_message(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    ticket = open_ticket(mailing, people.user)
    send_every_type(mailing, people, path_of(ticket))
    settled(mailing, smtp)
    let_time_pass(mailing)
    reply(mailing, people.admin, path_of(ticket))
    mails = settled(mailing, smtp)
    authors = [mail for mail in mails if mail.recipients == ["user@example.com"]]
    assert len(authors) == 4
    assert len({conversation_of(mail) for mail in authors}) == 1
    assert len({str(mail.message["Message-ID"]) for mail in mails}) == len(mails)
    assert conversation_of(mails[0]) not in {str(mail.message["Message-ID"]) for mail in mails}
    # Mail programs begin a new conversation with another subject.
    assert {str(mail.message["Subject"]) for mail in mails} == {
        f"Ticket #{ticket['number']}: “{TICKET['subject']}”"
    }


def test_other_tickets_and_other_recipients_have_other_conversations(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    for _ in range(2):
        send_every_type(mailing, people, path_of(open_ticket(mailing, people.user)))
    mails = settled(mailing, smtp)
    pairs = {(mail.recipients[0], str(mail.message["Subject"])) for mail in mails}
    assert len(pairs) == 4
    assert len({conversation_of(mail) for mail in mails}) == 4


def test_every_mail_says_that_answers_are_not_read(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    ticket = open_ticket(mailing, people.user)
    send_every_type(mailing, people, path_of(ticket))
    for mail in settled(mailing, smtp):
        for kind in ("plain", "html"):
            assert "Answers to this mail are not read. Reply to the ticket instead." in mail.text(kind)
            assert f"icket #{ticket['number']} " in mail.text(kind).replace(".", " ")


def test_a_ticket_without_a_number_gets_one_for_its_mail(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    ticket_id = store_ticket(mailing, people.user.id)
    reply(mailing, people.admin, path_of({"id": ticket_id}))
    (mail,) = settled(mailing, smtp)
    ((number,),) = tickets_execute(mailing, sa.select(tickets.c.number))
    assert number is not None
    assert str(mail.message["Subject"]).startswith(f"Ticket #{number}: ")
