"""Listing, retrying and discarding dead letters."""

import uuid

from doorward_kit.column_types import utc_now
from doorward_kit.pagination import Position
from doorward_mail.dead_letters import repository as dead_letters
from doorward_mail.dead_letters.repository import DeadMail
from integration.harness.workers import running
from integration.mail.mailing import Mailer, eventually, mail_settings, notice, outbox
from support.smtp import SmtpServer


async def store_dead_letters(mailer: Mailer, count: int) -> list[str]:
    # Inserted in another order than that of their ids.
    ids = await mailer.enqueue(*reversed([notice(number) for number in range(count)]))
    await mailer.execute(
        outbox.update().values(due_at=None, dead_at=utc_now(), attempts=9, last_error="recipient 550")
    )
    return ids


async def test_dead_letters_are_listed_in_pages_newest_first(mailer: Mailer) -> None:
    older = await store_dead_letters(mailer, 4)  # at the same time, so the id decides
    await mailer.execute(outbox.update().values(dead_at=utc_now(-60)))
    newer = await mailer.enqueue(notice(8), notice(9))
    await mailer.execute(
        outbox.update()
        .where(outbox.c.dead_at.is_(None))
        .values(due_at=None, dead_at=utc_now(), last_error="content 554")
    )
    await mailer.enqueue(notice(10))  # not dead
    pages: list[list[DeadMail]] = []
    position: Position | None = None
    while not pages or pages[-1]:
        at = position
        pages.append(await mailer.database.read(lambda c, at=at: dead_letters.list_dead(c, outbox, at, 2)))  # type: ignore[misc]
        position = dead_letters.position_of(pages[-1][-1]) if pages[-1] else None
    listed = [mail for page in pages for mail in page]
    assert [str(mail.id) for mail in listed] == sorted(newer, reverse=True) + sorted(older, reverse=True)
    assert [len(page) for page in pages] == [2, 2, 2, 0]
    assert listed[0].last_error == "content 554"
    assert listed[0].recipient == "user9@example.com"


async def test_retrying_one_dead_letter_keeps_the_other(mailer: Mailer, smtp: SmtpServer) -> None:
    first, second = await store_dead_letters(mailer, 2)
    await mailer.execute(outbox.update().values(expires_at=utc_now(-60), created_at=utc_now(-(10**6))))
    assert await mailer.database.write(lambda c: dead_letters.retry(c, outbox, uuid.UUID(first)))
    async with running(mailer.worker(mail_settings(smtp.port))):
        await mailer.wait_until_gone(first)
    assert [mail.id for mail in smtp.mails()] == [first]
    (row,) = await mailer.rows()
    assert row.id == uuid.UUID(second)


async def test_a_retried_dead_letter_gets_its_full_time_again(mailer: Mailer, smtp: SmtpServer) -> None:
    smtp.behave(reject_at="rcpt", code=450)
    (mail_id,) = await store_dead_letters(mailer, 1)
    await mailer.execute(outbox.update().values(attempts=30, created_at=utc_now(-(10**6))))
    await mailer.database.write(lambda c: dead_letters.retry(c, outbox, uuid.UUID(mail_id)))
    async with running(mailer.worker(mail_settings(smtp.port))):
        await eventually(lambda rows: rows[0].attempts >= 2, mailer.rows)
    (row,) = await mailer.rows()
    assert row.dead_at is None


async def test_only_a_dead_letter_can_be_retried_or_discarded(mailer: Mailer) -> None:
    (alive,) = await mailer.enqueue(notice())
    for unknown in (uuid.UUID(alive), uuid.uuid4()):
        assert not await mailer.database.write(lambda c, one=unknown: dead_letters.retry(c, outbox, one))  # type: ignore[misc]
        assert not await mailer.database.write(lambda c, one=unknown: dead_letters.discard(c, outbox, one))  # type: ignore[misc]
    assert len(await mailer.rows()) == 1


async def test_a_dead_letter_can_be_discarded(mailer: Mailer) -> None:
    first, second = await store_dead_letters(mailer, 2)
    assert await mailer.database.write(lambda c: dead_letters.discard(c, outbox, uuid.UUID(first)))
    (row,) = await mailer.rows()
    assert row.id == uuid.UUID(second)


async def test_dead_letters_are_deleted_after_their_retention(mailer: Mailer) -> None:
    old, _ = await store_dead_letters(mailer, 2)
    await mailer.execute(
        outbox.update().where(outbox.c.id == uuid.UUID(old)).values(dead_at=utc_now(-31 * 86_400))
    )
    purged = await mailer.database.write(lambda c: dead_letters.purge(c, outbox=outbox, days=30, count=10))
    assert purged == 1
    assert [row.id for row in await mailer.rows()] != [uuid.UUID(old)]
