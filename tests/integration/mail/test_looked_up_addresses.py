"""An outbox without addresses: each is looked up just before its mail is sent."""

from dataclasses import replace

import pytest

from doorward_client.errors import UnavailableError
from doorward_mail.outbox.leases import LeasedMail, measure
from doorward_mail.outbox.mail import Mail
from integration.harness.workers import running
from integration.mail.mailing import Mailer, mail_settings, outbox
from support.smtp import SmtpServer

pytestmark = pytest.mark.anyio


def to(person: str, wait: int = 0) -> Mail:
    return Mail("notice", None, parameters={"number": 1, "name": "Ada", "person": person}, wait=wait)


class Directory:
    """Knows ada; is unavailable or fails for a given number of lookups."""

    def __init__(self, *failures: Exception) -> None:
        self.asked = 0
        self._failures = list(failures)

    async def find(self, mail: LeasedMail) -> LeasedMail | None:
        self.asked += 1
        if self._failures:
            raise self._failures.pop()
        person = mail.parameters["person"]
        if person != "ada":
            return None
        return replace(mail, recipient="ada@example.com", parameters={**mail.parameters, "name": "Ada L."})


async def test_a_mail_is_sent_to_the_looked_up_address(mailer: Mailer, smtp: SmtpServer) -> None:
    (mail_id, _) = await mailer.enqueue(to("ada"), to("nobody"))
    directory = Directory()
    async with running(mailer.worker(mail_settings(smtp.port), find_recipient=directory.find)):
        await mailer.wait_until_empty()
    (mail,) = smtp.mails()
    assert (mail.id, mail.recipients) == (mail_id, ["ada@example.com"])
    assert "Ada L." in mail.text()
    assert directory.asked == 2


async def test_no_attempt_is_counted_while_the_directory_is_unavailable(
    mailer: Mailer, smtp: SmtpServer
) -> None:
    await mailer.enqueue(to("ada"))
    directory = Directory(UnavailableError(), UnavailableError())
    settings = mail_settings(smtp.port, mail_max_attempts=1)
    async with running(mailer.worker(settings, find_recipient=directory.find)):
        await mailer.wait_until_empty()
    assert (len(smtp.mails()), directory.asked) == (1, 3)
    assert mailer.sample("doorward_mail_failed_total", failure="lookup") == 2


async def test_a_failing_lookup_counts_as_an_attempt(mailer: Mailer, smtp: SmtpServer) -> None:
    await mailer.enqueue(to("ada"))
    directory = Directory(KeyError("person"), KeyError("person"))
    settings = mail_settings(smtp.port, mail_max_attempts=2)
    async with running(mailer.worker(settings, find_recipient=directory.find)):
        await mailer.wait_until_dead(1)
    (row,) = await mailer.rows()
    assert (row.last_error, smtp.mails()) == ("lookup KeyError", [])


async def test_a_mail_is_not_sent_before_its_due_time(mailer: Mailer, smtp: SmtpServer) -> None:
    await mailer.enqueue(to("ada", wait=3600))
    (now_id,) = await mailer.enqueue(to("ada"))
    async with running(mailer.worker(mail_settings(smtp.port), find_recipient=Directory().find)):
        await mailer.wait_until_gone(now_id)
    assert [mail.id for mail in smtp.mails()] == [now_id]
    backlog = await mailer.database.read(lambda connection: measure(connection, outbox))
    assert (backlog.waiting, backlog.oldest) == (1, 0.0)
