"""The mail server is down, slow, or rejects: no mail is lost or uses an attempt."""

import asyncio

import pytest
import sqlalchemy as sa

from doorward_mail.outbox.mail import Mail
from integration.harness.workers import running
from integration.mail.mailing import Mailer, codes, eventually, mail_settings, notice
from support.smtp import SmtpServer

pytestmark = pytest.mark.databases("sqlite")


@pytest.mark.parametrize(
    ("step", "code", "status", "error"),
    [
        ("ehlo", 421, "4.3.2", "connect 421 4.3.2"),
        ("ehlo", 554, "5.7.1", "connect 554 5.7.1"),
        ("mail", 550, "5.7.1", "sender 550 5.7.1"),
        ("mail", 451, "", "sender 451"),
        ("rcpt", 530, "5.7.0", "recipient 530 5.7.0"),
        ("rcpt", 421, "", "recipient 421"),
        ("data", 421, "", "content 421"),
    ],
)
async def test_server_errors_use_no_attempt_of_the_mail(
    mailer: Mailer, smtp: SmtpServer, step: str, code: int, status: str, error: str
) -> None:
    smtp.behave(reject_at=step, code=code, status=status)
    await mailer.enqueue(*(notice(number) for number in range(10)))
    async with running(mailer.worker(mail_settings(smtp.port, mail_max_attempts=1, mail_concurrency=2))):
        await eventually(lambda rows: any(row.last_error for row in rows), mailer.rows)
        rows = await mailer.rows()
        assert {row.last_error for row in rows} <= {None, error}
        assert all(row.dead_at is None for row in rows)
        smtp.behave()
        await mailer.wait_until_empty()
    assert len(smtp.mails()) == 10


async def test_all_mail_waits_while_the_server_is_down(mailer: Mailer, smtp: SmtpServer) -> None:
    smtp.stop()
    await mailer.enqueue(*(notice(number) for number in range(20)))
    async with running(mailer.worker(mail_settings(smtp.port, mail_max_attempts=1))):
        await eventually(lambda rows: any(row.last_error == "connect" for row in rows), mailer.rows)
        await asyncio.sleep(1.0)
        # The pause applies to all mails; without it there would be about fifty attempts.
        assert mailer.sample("doorward_mail_failed_total", failure="connect") <= 10
        assert all(row.dead_at is None for row in await mailer.rows())
        await asyncio.to_thread(smtp.start)
        await mailer.wait_until_empty()
    ids = [mail.id for mail in smtp.mails()]
    assert len(ids) == len(set(ids)) == 20


async def test_a_server_that_rejects_a_quarter_gets_every_mail_once(mailer: Mailer, smtp: SmtpServer) -> None:
    smtp.behave(reject_at="data", code=451, share=0.25)
    ids = await mailer.enqueue(*(notice(number) for number in range(100)))
    async with running(mailer.worker(mail_settings(smtp.port))):
        await mailer.wait_until_empty()
    assert sorted(mail.id for mail in smtp.mails()) == sorted(ids)
    assert mailer.sample("doorward_mail_failed_total", failure="content") > 5


async def test_a_server_that_drops_connections_gets_every_mail(mailer: Mailer, smtp: SmtpServer) -> None:
    smtp.behave(drop_share=0.2)
    ids = await mailer.enqueue(*(notice(number) for number in range(60)))
    async with running(mailer.worker(mail_settings(smtp.port))):
        await mailer.wait_until_empty()
    mails = smtp.mails()
    assert {mail.id for mail in mails} == set(ids)
    answered = [mail.id for mail in mails if mail.is_answered]
    assert sorted(answered) == sorted(ids)
    # Repeated mails have the same Message-ID.
    assert len({str(mail.message["Message-ID"]) for mail in mails}) == 60


async def test_a_slow_acceptance_is_awaited(mailer: Mailer, smtp: SmtpServer) -> None:
    smtp.behave(delay=1.5)
    await mailer.enqueue(notice())
    async with running(mailer.worker(mail_settings(smtp.port, smtp_timeout_seconds=0.5))):
        await mailer.wait_until_empty()
    assert len(smtp.mails()) == 1


async def test_a_slow_server_gets_a_limited_number_of_mails_at_once(mailer: Mailer, smtp: SmtpServer) -> None:
    smtp.behave(delay=0.5)
    await mailer.enqueue(*(notice(number) for number in range(12)))
    seen: set[float] = set()

    async def look() -> int:
        seen.add(mailer.sample("doorward_mail_sending"))
        return len(await mailer.rows())

    async with running(mailer.worker(mail_settings(smtp.port, mail_concurrency=3))):
        await eventually(lambda left: left == 0, look)
    assert max(seen) == 3
    assert len(smtp.mails()) == 12


async def test_a_server_that_never_answers_times_out(mailer: Mailer, smtp: SmtpServer) -> None:
    smtp.behave(delay=60.0, delay_at="rcpt")
    await mailer.enqueue(notice())
    settings = mail_settings(smtp.port, mail_max_attempts=1, smtp_timeout_seconds=0.3)
    async with running(mailer.worker(settings)):
        await mailer.wait_until_dead(1)
    assert [row.last_error for row in await mailer.rows()] == ["timeout"]


async def test_no_codes_are_created_while_the_server_is_down(mailer: Mailer, smtp: SmtpServer) -> None:
    smtp.stop()
    await mailer.enqueue(Mail("code", "ada@example.com"))
    async with running(mailer.worker(mail_settings(smtp.port))):
        await eventually(lambda rows: rows[0].last_error == "connect", mailer.rows)
    assert await mailer.database.read(lambda c: list(c.execute(sa.select(codes)))) == []
