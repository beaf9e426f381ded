"""Failed deliveries: retries, dead letters, and outages of the server."""

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from doorward_kit.column_types import utc_now
from doorward_kit.unit_of_work import DatabaseUnavailableError
from doorward_mail.content.templates import MailTemplate
from doorward_mail.outbox import leases
from doorward_mail.outbox.leases import LeasedMail
from doorward_mail.outbox.mail import Mail
from doorward_mail.transport.base import DeliveryError, Message
from doorward_mail.transport.smtp import SmtpTransport
from integration.harness.workers import running
from integration.mail.mailing import TEMPLATES, Mailer, eventually, mail_settings, make_code, notice, outbox
from support.smtp import SmtpServer

pytestmark = pytest.mark.databases("sqlite")


async def test_a_mail_is_dead_lettered_after_the_maximum_of_attempts(
    mailer: Mailer, smtp: SmtpServer
) -> None:
    smtp.behave(reject_at="rcpt", code=450, status="4.2.2")
    await mailer.enqueue(notice())
    async with running(mailer.worker(mail_settings(smtp.port, mail_max_attempts=3))):
        await mailer.wait_until_dead(1)
    (row,) = await mailer.rows()
    assert (row.attempts, row.last_error) == (3, "recipient 450 4.2.2")
    assert (row.due_at, row.lease_id) == (None, None)
    assert mailer.sample("doorward_mail_failed_total", failure="recipient") == 3
    assert mailer.sample("doorward_mail_discarded_total", reason="dead") == 1


async def test_each_retry_delay_is_longer_than_the_previous_one(
    mailer: Mailer, smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    smtp.behave(reject_at="data", code=451)
    await mailer.enqueue(notice())
    waits: dict[int, float] = {}
    reschedule = leases.reschedule

    def reschedule_and_look(
        connection: sa.Connection, table: sa.Table, mail: LeasedMail, **options: Any
    ) -> bool:
        done = reschedule(connection, table, mail, **options)
        # In the same transaction, before another worker can lease it.
        row = connection.execute(sa.select(outbox, utc_now().label("now"))).one()
        waits[row.attempts] = (row.due_at - row.now).total_seconds()
        return done

    monkeypatch.setattr(leases, "reschedule", reschedule_and_look)

    async def seen() -> int:
        return len(waits)

    async with running(mailer.worker(mail_settings(smtp.port, mail_retry_seconds=0.4))):
        await eventually(lambda count: count >= 3, seen)
    for attempt, wait in waits.items():
        # Read a little later, so slightly less time is left.
        assert 0.1 * 2 ** (attempt - 1) < wait <= 0.4 * 2 ** (attempt - 1)


@pytest.mark.parametrize(
    ("step", "code", "status", "error"),
    [
        ("rcpt", 550, "5.1.1", "recipient 550 5.1.1"),
        ("rcpt", 553, "", "recipient 553"),
        ("data", 554, "5.6.0", "content 554 5.6.0"),
    ],
)
async def test_a_permanently_rejected_mail_is_dead_lettered_at_once(
    mailer: Mailer, smtp: SmtpServer, step: str, code: int, status: str, error: str
) -> None:
    smtp.behave(reject_at=step, code=code, status=status, only="user1@")
    for number in range(3):
        await mailer.enqueue(notice(number))
    async with running(mailer.worker(mail_settings(smtp.port, mail_concurrency=1))):
        await eventually(lambda rows: len(rows) == 1, mailer.rows)
        await mailer.wait_until_dead(1)
    (row,) = await mailer.rows()
    assert (row.attempts, row.last_error) == (1, error)
    # The connection of the rejected mail is reused for the next.
    before, after = smtp.mails()
    assert before.connection == after.connection
    assert mailer.sample("doorward_mail_failed_total", failure="sender") == 0


async def test_addresses_and_server_replies_are_neither_logged_nor_stored(
    mailer: Mailer, smtp: SmtpServer
) -> None:
    smtp.behave(reject_at="rcpt", code=550, status="5.1.1")
    with capture_logs() as logged:
        await mailer.enqueue(notice(1, "very.private@example.com"), notice(2, "not an address"))
        async with running(mailer.worker(mail_settings(smtp.port))):
            await mailer.wait_until_dead(2)
    assert {entry["event"] for entry in logged} == {"mail.dead_lettered"}
    assert "private" not in repr(logged)
    assert "rejected" not in repr(logged)
    assert "an address" not in repr(logged)
    assert {row.last_error for row in await mailer.rows()} == {"recipient 550 5.1.1", "address"}


async def test_an_expired_mail_is_not_sent(mailer: Mailer, smtp: SmtpServer) -> None:
    """Like the mail of a worker that was frozen while the server responded."""
    transport = SmtpTransport(mail_settings(smtp.port))
    message = Message(uuid.uuid4(), "a@example.com", "b@example.com", b"Subject: late\r\n\r\n", is_utf8=False)
    with pytest.raises(DeliveryError, match=r"^timeout$"):
        async with transport.connect() as connection:
            await connection.send(message, seconds=0.0)
    await transport.close_idle()
    assert (smtp.mails(), await mailer.rows()) == ([], [])


async def test_a_short_database_outage_uses_no_attempt(mailer: Mailer, smtp: SmtpServer) -> None:
    blinks = iter([True, False])

    def blink(connection: sa.Connection, mail: LeasedMail) -> Any:
        if next(blinks):
            raise DatabaseUnavailableError
        return make_code(connection, mail)

    await mailer.enqueue(Mail("code", "ada@example.com"))
    worker = mailer.worker(
        mail_settings(smtp.port, mail_max_attempts=1),
        templates=(TEMPLATES[0], MailTemplate("code", [{"code": "1"}], blink)),
    )
    async with running(worker):
        await eventually(lambda rows: not rows or rows[0].last_error == "database", mailer.rows)
        await mailer.wait_until_empty()
    assert len(smtp.mails()) == 1
    assert mailer.sample("doorward_mail_failed_total", failure="prepare") == 0


async def test_mail_past_its_maximum_age_is_dead_lettered_even_during_an_outage(
    mailer: Mailer, smtp: SmtpServer
) -> None:
    smtp.stop()
    await mailer.enqueue(notice(1), notice(2))
    await mailer.execute(
        outbox.update()
        .where(outbox.c.recipient == "user1@example.com")
        .values(created_at=utc_now(-int(timedelta(days=5).total_seconds())))
    )
    async with running(mailer.worker(mail_settings(smtp.port))):
        await mailer.wait_until_dead(1)
    dead = {row.recipient: row.dead_at is not None for row in await mailer.rows()}
    assert dead == {"user1@example.com": True, "user2@example.com": False}


async def test_a_mail_that_crashes_its_workers_is_dead_lettered(mailer: Mailer, smtp: SmtpServer) -> None:
    await mailer.enqueue(notice())
    await mailer.execute(outbox.update().values(attempts=3))
    async with running(mailer.worker(mail_settings(smtp.port, mail_max_attempts=3))):
        await mailer.wait_until_dead(1)
    assert [row.last_error for row in await mailer.rows()] == ["crash"]
    assert smtp.mails() == []


async def test_a_template_of_a_newer_release_is_left_to_newer_workers(
    mailer: Mailer, mail_url: str, smtp: SmtpServer
) -> None:
    await mailer.enqueue(notice())
    older = mailer.worker(mail_settings(smtp.port), templates=(TEMPLATES[1],))
    async with running(older):
        await eventually(lambda rows: rows[0].last_error == "template unknown", mailer.rows)
    newer = Mailer(mail_url)
    async with running(newer.worker(mail_settings(smtp.port))):
        await newer.wait_until_empty()
    newer.close()
    assert len(smtp.mails()) == 1


def broken_hook(_connection: sa.Connection, mail: LeasedMail) -> dict[str, Any]:
    raise ValueError(f"a bug with {mail.recipient}")


async def test_a_broken_hook_or_template_reschedules_the_mail_and_logs_the_location(
    mailer: Mailer, smtp: SmtpServer
) -> None:
    await mailer.enqueue(Mail("code", "private@example.com"), Mail("notice", "private@example.com"))
    templates = (TEMPLATES[0], MailTemplate("code", [{"code": "1"}], broken_hook))
    with capture_logs() as logged:
        async with running(mailer.worker(mail_settings(smtp.port, mail_max_attempts=2), templates=templates)):
            await mailer.wait_until_dead(2)
    errors = {row.template: row.last_error for row in await mailer.rows()}
    assert errors == {"code": "prepare ValueError", "notice": "template UndefinedError"}
    broken = [entry for entry in logged if entry["event"] == "mail.render_failed"]
    assert {Path(entry["place"].rpartition(":")[0]).name for entry in broken} >= {Path(__file__).name}
    assert "private" not in repr(logged)
