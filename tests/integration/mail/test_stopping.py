"""A worker that stops or loses its database completes its deliveries or leaves them to others."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from doorward_kit.unit_of_work import DatabaseUnavailableError
from doorward_mail.worker import sender
from integration.harness.workers import running
from integration.mail.mailing import Mailer, eventually, mail_settings, notice
from support.smtp import SmtpServer


async def test_a_stopping_worker_finishes_running_deliveries_and_begins_none(
    mailer: Mailer, smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "STOP_SECONDS", 30.0)
    smtp.behave(delay=2.0)
    await mailer.enqueue(*(notice(number) for number in range(6)))
    async with running(mailer.worker(mail_settings(smtp.port, mail_concurrency=2))):
        await eventually(lambda rows: sum(row.lease_id is not None for row in rows) == 2, mailer.rows)
    rows = await mailer.rows()
    assert len(rows) == 4
    assert all((row.lease_id, row.attempts) == (None, 0) for row in rows)
    assert len(smtp.mails()) == 2


async def test_a_stopping_worker_leaves_slow_deliveries_to_others(
    mailer: Mailer, smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "STOP_SECONDS", 0.2)
    smtp.behave(delay=60, delay_at="rcpt")
    await mailer.enqueue(notice(1), notice(2))
    async with running(mailer.worker(mail_settings(smtp.port))):
        await eventually(lambda rows: all(row.lease_id is not None for row in rows), mailer.rows)
        await asyncio.sleep(0)
    assert all((row.lease_id, row.last_error) == (None, "stopped") for row in await mailer.rows())
    smtp.behave()
    async with running(mailer.worker(mail_settings(smtp.port))):
        await mailer.wait_until_empty()
    assert len(smtp.mails()) == 2


async def test_mails_leased_during_the_stop_are_sent_or_released(mail_url: str, smtp: SmtpServer) -> None:
    mailer = Mailer(mail_url, pool_size=1)  # one thread, so a later read sees the running write
    await mailer.enqueue(notice(1), notice(2))
    taking = asyncio.Event()
    loop = asyncio.get_running_loop()

    @sa.event.listens_for(mailer.database.engine, "before_cursor_execute")
    def stall(_connection: sa.Connection, _cursor: object, statement: str, *_more: object) -> None:
        if statement.startswith("UPDATE outbox SET due_at"):
            loop.call_soon_threadsafe(taking.set)
            time.sleep(0.3)  # in the database's thread

    async with running(mailer.worker(mail_settings(smtp.port))):
        await taking.wait()
    rows = await mailer.rows()
    mailer.close()
    assert all(row.lease_id is None for row in rows)
    assert len(smtp.mails()) + len(rows) == 2


async def test_a_sent_mail_is_recorded_after_a_short_database_outage(
    mailer: Mailer, smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = 2
    execute_single = mailer.database.execute_single

    async def blink(work: Callable[[sa.Connection], Any]) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise DatabaseUnavailableError
        return await execute_single(work)

    monkeypatch.setattr(mailer.database, "execute_single", blink)
    await mailer.enqueue(notice())
    async with running(mailer.worker(mail_settings(smtp.port))):
        await mailer.wait_until_empty()
    assert failures == 0
    assert len(smtp.mails()) == 1


async def test_the_worker_continues_after_a_database_outage(
    mailer: Mailer, smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "_ERROR_PAUSE_SECONDS", 0.05)
    is_away = True
    read = mailer.database.read
    asked = asyncio.Event()

    async def reject(work: Callable[[sa.Connection], Any]) -> Any:
        if is_away:
            asked.set()
            raise DatabaseUnavailableError
        return await read(work)

    await mailer.enqueue(notice())
    monkeypatch.setattr(mailer.database, "read", reject)
    async with running(mailer.worker(mail_settings(smtp.port))):
        await asked.wait()
        is_away = False
        await mailer.wait_until_empty()
    assert len(smtp.mails()) == 1
