"""During an outage of auth or the mail server mail waits, and changes do not."""

import httpx2
import sqlalchemy as sa

from doorward_tickets.tables import outbox
from doorward_tickets.users.auth_client import AuthUnavailableError
from integration.harness.deployment import wait_until
from integration.harness.installation import Installation
from integration.harness.people import People
from integration.harness.tickets import open_ticket, path_of, tickets_execute
from integration.tickets.mailing import reply, settled, waiting
from support.smtp import SmtpServer


def test_mail_waits_while_auth_is_unavailable(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    path = path_of(open_ticket(mailing, people.user))
    accounts = mailing.tickets_app.state.services.deleted_users._auth
    asked: list[object] = []

    async def unavailable(*arguments: object) -> httpx2.Response:
        asked.append(arguments)
        raise AuthUnavailableError

    accounts._get = unavailable
    try:
        reply(mailing, people.admin, path)
        wait_until(lambda: len(asked) >= 2, "asked again")
        ((template, _, _),) = waiting(mailing)
        assert (template, smtp.mails()) == ("ticket_replied", [])
        (attempts,) = tickets_execute(mailing, sa.select(outbox.c.attempts))[0]
        assert attempts <= 1, "auth's absence was counted against the mail"
    finally:
        del accounts._get
    assert len(settled(mailing, smtp)) == 1


def test_a_frozen_mail_server_does_not_delay_changes(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    path = path_of(open_ticket(mailing, people.user))
    smtp.behave(delay=5)
    reply(mailing, people.admin, path)
    assert mailing.call("GET", path, people.user.access).json()["reply_count"] == 1
    assert smtp.mails() == []
    smtp.behave()
    assert len(settled(mailing, smtp)) == 1
