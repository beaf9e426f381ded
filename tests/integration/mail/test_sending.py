"""Sending without failures: what a worker does, and what arrives."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from doorward_mail.outbox.mail import Mail, enqueue
from doorward_mail.transport.file_transport import Mailbox
from doorward_mail.transport.smtp import SmtpTransport
from doorward_mail.worker.sender import create_transport
from integration.harness.workers import running
from integration.mail.mailing import GONE, Mailer, codes, eventually, hash_of, mail_settings, notice, outbox
from support.smtp import SmtpServer


async def test_a_mail_arrives_once_and_its_row_is_deleted(mailer: Mailer, smtp: SmtpServer) -> None:
    (mail_id,) = await mailer.enqueue(notice(7, "ada@example.com"))
    async with running(mailer.worker(mail_settings(smtp.port))):
        await mailer.wait_until_empty()
    (received,) = smtp.mails()
    message = received.message
    assert received.recipients == ["ada@example.com"]
    assert received.sender == "no-reply@example.com"
    assert received.greeting == "example.com"
    assert message["Message-ID"] == f"<{mail_id}@example.com>"
    assert message["From"] == "Test Team <no-reply@example.com>"
    assert message["To"] == "ada@example.com"
    assert message["Subject"] == "Notice 7"
    assert message["Auto-Submitted"] == "auto-generated"
    assert abs(message["Date"].datetime.timestamp() - time.time()) < 60
    assert message.get_content_type() == "multipart/alternative"
    assert received.text() == "Hello Ada,\n\nthis is notice 7 of Test Team.\n"
    assert "<p>this is notice 7.</p>" in received.text("html")
    assert all(byte < 128 for byte in received.content)


async def test_each_recipient_gets_the_closest_language(mailer: Mailer, smtp: SmtpServer) -> None:
    await mailer.enqueue(
        *(
            notice(number, locale=locale)
            for number, locale in enumerate(["de-AT", "de_ch", "fr", "", "../de", "x" * 99])
        )
    )
    async with running(mailer.worker(mail_settings(smtp.port))):
        await mailer.wait_until_empty()
    subjects = sorted(str(mail.message["Subject"]) for mail in smtp.mails())
    assert subjects == ["Hinweis 0", "Hinweis 1", "Notice 2", "Notice 3", "Notice 4", "Notice 5"]


async def test_mail_is_sent_only_after_a_commit(mailer: Mailer, smtp: SmtpServer) -> None:
    kept, undone = notice(1), notice(2)
    written, may_commit = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def open_transaction(mail: Mail, *, commit: bool) -> float:
        with mailer.database.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.dialect.name == "sqlite" else "BEGIN")
            enqueue(connection, outbox, mail)
            loop.call_soon_threadsafe(written.set)
            asyncio.run_coroutine_threadsafe(may_commit.wait(), loop).result(20)
            committing_at = time.time()
            connection.commit() if commit else connection.rollback()
            return committing_at

    async with running(mailer.worker(mail_settings(smtp.port))):
        committing_at = 0.0
        for mail, commit in ((undone, False), (kept, True)):
            written.clear()
            may_commit.clear()
            transaction = asyncio.create_task(asyncio.to_thread(open_transaction, mail, commit=commit))
            await written.wait()
            await asyncio.sleep(0.3)  # about six polls of the worker
            assert smtp.mails() == []
            may_commit.set()
            committing_at = await transaction
        await mailer.wait_until_empty()
    (received,) = smtp.mails()
    assert received.id == str(kept.id)
    assert received.received_at >= committing_at


async def test_the_worker_wakes_at_once_for_mail_of_its_own_process(mailer: Mailer, smtp: SmtpServer) -> None:
    worker = mailer.worker(mail_settings(smtp.port, mail_poll_seconds=60.0))
    async with running(worker):
        await asyncio.sleep(0.1)  # it has polled, and waits
        await mailer.enqueue(notice())
        worker.wake()
        await mailer.wait_until_empty()
    assert len(smtp.mails()) == 1


async def test_the_worker_finds_mail_of_other_processes(
    mailer: Mailer, mail_url: str, smtp: SmtpServer
) -> None:
    other = Mailer(mail_url)
    async with running(mailer.worker(mail_settings(smtp.port))):
        await asyncio.sleep(0.1)
        await other.enqueue(notice())
        await mailer.wait_until_empty()
    other.close()
    assert len(smtp.mails()) == 1


async def test_a_burst_shares_connections(mailer: Mailer, smtp: SmtpServer) -> None:
    await mailer.enqueue(*(notice(number) for number in range(120)))
    async with running(mailer.worker(mail_settings(smtp.port, mail_concurrency=2))):
        await mailer.wait_until_empty()
    mails = smtp.mails()
    assert len({mail.id for mail in mails}) == len(mails) == 120
    used: dict[str, int] = {}
    for mail in mails:
        used[mail.connection] = used.get(mail.connection, 0) + 1
    assert len(used) <= 5
    assert max(used.values()) <= 50


async def test_connections_are_closed_when_the_queue_is_empty(mailer: Mailer, smtp: SmtpServer) -> None:
    settings = mail_settings(smtp.port)
    transport = SmtpTransport(settings)
    async with running(mailer.worker(settings, transport=transport)):
        for number in range(2):
            await mailer.enqueue(notice(number))
            await mailer.wait_until_empty()
            await eventually(lambda count: count == 0, idle_connections(transport))
    first, second = smtp.mails()
    assert first.connection != second.connection


def idle_connections(transport: SmtpTransport) -> Callable[[], Awaitable[int]]:
    async def count() -> int:
        return len(transport._idle)

    return count


async def test_several_workers_never_send_one_mail_twice(
    mailer: Mailer, mail_url: str, smtp: SmtpServer
) -> None:
    offices = [Mailer(mail_url) for _ in range(3)]
    await mailer.enqueue(*(notice(number) for number in range(150)))
    async with running(*(office.worker(mail_settings(smtp.port, mail_concurrency=3)) for office in offices)):
        for number in range(150, 200):
            await mailer.enqueue(notice(number))
        await mailer.wait_until_empty()
    for office in offices:
        office.close()
    ids = [mail.id for mail in smtp.mails()]
    assert len(ids) == len(set(ids)) == 200
    shares = [office.sample("doorward_mail_sent_total", template="notice") for office in offices]
    assert sum(shares) == 200
    assert all(share > 0 for share in shares)


async def test_a_code_is_created_while_sending_and_never_stored(mailer: Mailer, smtp: SmtpServer) -> None:
    await mailer.enqueue(Mail("code", "ada@example.com"))
    async with running(mailer.worker(mail_settings(smtp.port))):
        await mailer.wait_until_empty()
    (received,) = smtp.mails()
    found = re.fullmatch(r"Your code is (\d{6})\.\n", received.text())
    assert found
    assert found[1] in received.text("html")
    stored = await mailer.database.read(lambda c: list(c.execute(sa.select(codes.c.address, codes.c.hash))))
    assert [tuple(row) for row in stored] == [("ada@example.com", hash_of(found[1]))]


async def test_a_retry_sends_the_same_code_in_the_same_message(mailer: Mailer, smtp: SmtpServer) -> None:
    smtp.behave(drop_share=1.0)
    await mailer.enqueue(Mail("code", "ada@example.com"))
    async with running(mailer.worker(mail_settings(smtp.port))):
        await asyncio.to_thread(smtp.wait_for, lambda mails: len(mails) >= 1)
        smtp.behave()
        await mailer.wait_until_empty()
    *dropped, last = smtp.mails()
    assert dropped
    assert not any(mail.is_answered for mail in dropped)
    # So that a mailbox that has the first copy drops the second.
    assert {(str(mail.message["Message-ID"]), mail.text()) for mail in dropped} == {
        (str(last.message["Message-ID"]), last.text())
    }
    code = last.text().removeprefix("Your code is ").removesuffix(".\n")
    stored = await mailer.database.read(lambda c: c.execute(sa.select(codes.c.hash)).scalar_one())
    assert stored == hash_of(code)


@pytest.mark.parametrize(("template", "recipient"), [("code", None), ("code", GONE), ("notice", None)])
async def test_a_decoy_is_deleted_without_a_mail(
    mailer: Mailer, smtp: SmtpServer, template: str, recipient: str | None
) -> None:
    await mailer.enqueue(Mail(template, recipient, parameters={"number": 1, "name": "Ada"}))
    async with running(mailer.worker(mail_settings(smtp.port))):
        await mailer.wait_until_empty()
    assert smtp.mails() == []
    assert mailer.sample("doorward_mail_discarded_total", reason="skipped") == 1
    assert await mailer.database.read(lambda c: c.execute(sa.select(codes)).all()) == []


async def test_expired_mail_is_not_sent(mailer: Mailer, smtp: SmtpServer) -> None:
    await mailer.enqueue(notice(1, expires_in=-1), notice(2, expires_in=60))
    async with running(mailer.worker(mail_settings(smtp.port))):
        await mailer.wait_until_empty()
    assert [str(mail.message["Subject"]) for mail in smtp.mails()] == ["Notice 2"]
    assert mailer.sample("doorward_mail_discarded_total", reason="expired") == 1


async def test_the_file_transport_writes_a_mail_to_a_file(mailer: Mailer, tmp_path: Path) -> None:
    settings = mail_settings(25, smtp_host=None, mailbox_dir=tmp_path / "mailbox")
    transport = create_transport(settings)
    assert isinstance(transport, Mailbox)
    await mailer.enqueue(notice(5))
    async with running(mailer.worker(settings, transport=transport)):
        await mailer.wait_until_empty()
    (mail,) = transport.mails()
    assert (mail.subject, mail.recipient) == ("Notice 5", "user5@example.com")


async def test_metrics_describe_the_queue(mailer: Mailer, smtp: SmtpServer) -> None:
    await mailer.enqueue(notice(1), notice(2))
    worker = mailer.worker(mail_settings(smtp.port, mail_concurrency=1))

    async def waiting() -> float:
        return mailer.sample("doorward_mail_messages", state="waiting")

    smtp.freeze()
    async with running(worker):
        await eventually(lambda count: count == 2, waiting)  # measured at the start
        smtp.thaw()
        await mailer.wait_until_empty()
    assert mailer.sample("doorward_mail_oldest_message_age_seconds") > 0
    assert mailer.sample("doorward_mail_sent_total", template="notice") == 2
    assert mailer.sample("doorward_mail_send_seconds_count") == 2
    assert mailer.sample("doorward_mail_sending") == 0
