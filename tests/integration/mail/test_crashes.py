"""Killed and frozen workers: every mail arrives at least once, and normally once."""

import asyncio
import json
import os
import sys
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from doorward_kit.database import create_engine
from doorward_mail.outbox import leases
from doorward_mail.outbox.mail import Mail, enqueue
from integration.harness.deployment import wait_until
from integration.harness.workers import running
from integration.mail.mailing import GONE, Mailer, codes, hash_of, mail_settings, notice, outbox
from support.processes import Process
from support.smtp import ReceivedMail, SmtpServer

HERE = Path(__file__).parent
TESTS = HERE.parents[1]
KILLS = 20
LEASED = sa.select(sa.func.count()).select_from(outbox).where(outbox.c.lease_id.is_not(None))


def process(folder: Path, name: str, script: str, *arguments: object) -> Process:
    """Return a process that runs a script of this folder."""
    path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, str(HERE / script), *map(str, arguments)]
    return Process(name, command, log=folder / f"{name}.log", ready=lambda: True, env={"PYTHONPATH": path})


def wait_until_empty(url: str, seconds: float = 180.0) -> None:
    engine = create_engine(url, pool_size=1, timeout=10)
    deadline = time.monotonic() + seconds
    with engine.connect() as connection:
        while left := connection.execute(sa.select(sa.func.count()).select_from(outbox)).scalar_one():
            assert time.monotonic() < deadline, f"{left} mails are still there"
            time.sleep(0.05)
    engine.dispose()


def entries_of(journal: Path) -> list[dict[str, Any]]:
    """Read the writer's journal; the last line may be incomplete."""
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True) if journal.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def written(journal: Path) -> tuple[int, int]:
    """Count the committed and the rolled back mails."""
    entries = entries_of(journal)
    committed = sum(len(entry["ids"]) for entry in entries if entry["is_committed"])
    return committed, sum(len(entry["ids"]) for entry in entries) - committed


def last_codes_are_stored(url: str, mails: list[ReceivedMail]) -> bool:
    """Whether the last code that each recipient got is the valid one."""
    engine = create_engine(url, pool_size=1, timeout=10)
    with engine.connect() as connection:
        stored = {row.address: row.hash for row in connection.execute(sa.select(codes))}
    engine.dispose()
    got = {
        mail.recipients[0]: hash_of(mail.text().removeprefix("Your code is ").removesuffix(".\n"))
        for mail in mails
        if mail.message["Subject"] == "Your code"
    }
    return got == stored and len(got) > 10


def test_killed_workers_lose_no_mail(mail_url: str, smtp: SmtpServer, tmp_path: Path) -> None:
    smtp.behave(delay=0.01)
    journal = tmp_path / "journal.jsonl"
    workers = process(tmp_path, "workers", "run_workers.py", mail_url, smtp.port, 3, KILLS, 7)
    with workers, process(tmp_path, "writer", "write_mails.py", mail_url, journal, 7) as writer:
        workers.wait_for_log(f"killed {KILLS}", timeout=300)
        wait_until(lambda: all(map(int.__gt__, written(journal), (100, 20))), "written enough", 120)
        assert writer.stop() == 0
        wait_until_empty(mail_url)
        assert workers.stop() == 0

    entries = entries_of(journal)
    committing_at = {
        mail_id: entry["committing_at"]
        for entry in entries
        if entry["is_committed"]
        for mail_id in entry["ids"]
    }
    mails = smtp.mails()
    arrived = Counter(mail.id for mail in mails)
    assert arrived.keys() == committing_at.keys(), "a mail was lost, or sent though its change was undone"
    assert all(mail.received_at >= committing_at[mail.id] for mail in mails), "sent before its commit"
    assert last_codes_are_stored(mail_url, mails)

    twice = sum(count - 1 for count in arrived.values())
    print(f"{len(arrived)} mails, {KILLS} kills, {twice} duplicates, {twice / len(arrived):.2%}")
    # Mails whose worker died between acceptance and deletion of the row, of four in flight.
    assert twice <= 2 * KILLS


def freeze_outside_a_transaction(worker: Process, url: str) -> None:
    """Freeze the worker while it has leased both mails and others can still write.

    Frozen during a write, it would block all of SQLite, and on MariaDB keep its rows locked.
    """
    engine = create_engine(url, pool_size=1, timeout=0.2)
    free = sa.select(outbox.c.id).where(outbox.c.lease_id.is_not(None)).with_for_update(skip_locked=True)
    while True:
        worker.freeze()
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql("BEGIN IMMEDIATE" if engine.dialect.name == "sqlite" else "BEGIN")
                leased = len(connection.execute(free).all())
                connection.rollback()
                if leased == 2:
                    break
        except sa.exc.OperationalError:
            pass
        worker.thaw()
        time.sleep(0.05)
    engine.dispose()


def test_a_frozen_worker_does_not_send_mail_that_another_has_leased(
    mail_url: str, smtp: SmtpServer, tmp_path: Path
) -> None:
    smtp.behave(delay=60, delay_at="rcpt")
    frozen = process(tmp_path, "frozen", "run_workers.py", mail_url, smtp.port, 1, 0, 1)
    other = process(tmp_path, "other", "run_workers.py", mail_url, smtp.port, 1, 0, 1)
    put(mail_url, notice(1, "ada@example.com"), Mail("code", GONE), Mail("code", "ada@example.com"))
    with frozen:
        wait_until_leased(mail_url)
        freeze_outside_a_transaction(frozen, mail_url)
        assert smtp.mails() == []
        smtp.behave()
        with other:
            wait_until_empty(mail_url)
            taken_over = smtp.wait_for(lambda mails: len(mails) >= 2)
            frozen.thaw()
            put(mail_url, notice(2, "ada@example.com"))
            wait_until_empty(mail_url)
        # A thawed worker that has polled again has completed what it had begun.
        put(mail_url, notice(3, "ada@example.com"))
        wait_until_empty(mail_url)
    assert len(taken_over) == 2
    assert max(Counter(mail.id for mail in smtp.mails()).values()) == 1
    assert len(smtp.mails()) == 4


async def test_a_worker_whose_lease_expired_creates_no_code(mailer: Mailer, smtp: SmtpServer) -> None:
    await mailer.enqueue(Mail("code", "ada@example.com"))
    (stale,) = await mailer.database.write(
        lambda c: leases.lease(c, outbox, count=1, seconds=-1.0, lease_id=uuid.uuid4())
    )
    async with running(mailer.worker(mail_settings(smtp.port))):
        await mailer.wait_until_empty()
    before = await mailer.database.read(lambda c: c.execute(sa.select(codes.c.hash)).scalar_one())
    late = mailer.worker(mail_settings(smtp.port))
    assert late._delivery is not None
    assert late._transport is not None
    await late._delivery.deliver(stale, leased_at=asyncio.get_running_loop().time())
    await late._transport.close_idle()
    assert await mailer.database.read(lambda c: c.execute(sa.select(codes.c.hash)).scalar_one()) == before
    assert len(smtp.mails()) == 1


def put(url: str, *mails: Mail) -> None:
    engine = create_engine(url, pool_size=1, timeout=10)
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        for mail in mails:
            enqueue(connection, outbox, mail)
        connection.commit()
    engine.dispose()


def wait_until_leased(url: str) -> None:
    engine = create_engine(url, pool_size=1, timeout=10)
    deadline = time.monotonic() + 60
    with engine.connect() as connection:
        while connection.execute(LEASED).scalar_one() < 2:
            assert time.monotonic() < deadline, "no worker has leased the mails"
            time.sleep(0.01)
    engine.dispose()
