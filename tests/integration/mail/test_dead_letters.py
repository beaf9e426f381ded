"""What administrators do with dead letters."""

import uuid

from doorward_kit.column_types import utc_now
from doorward_kit.pagination import Position
from doorward_mail.dead_letters import repository as dead_letters
from doorward_mail.dead_letters.repository import DeadMail
from integration.mail.mailing import Office, eventually, mail_settings, notice, outbox, running
from support.smtp import SmtpServer


async def bury(office: Office, count: int) -> list[str]:
    # Written in another order than that of their ids.
    ids = await office.enqueue(*reversed([notice(number) for number in range(count)]))
    await office.execute(
        outbox.update().values(due_at=None, dead_at=utc_now(), attempts=9, last_error="recipient 550")
    )
    return ids


async def test_they_are_listed_page_by_page_the_newest_first(office: Office) -> None:
    older = await bury(office, 4)  # at the same moment: the id decides
    await office.execute(outbox.update().values(dead_at=utc_now(-60)))
    newer = await office.enqueue(notice(8), notice(9))
    await office.execute(
        outbox.update()
        .where(outbox.c.dead_at.is_(None))
        .values(due_at=None, dead_at=utc_now(), last_error="content 554")
    )
    await office.enqueue(notice(10))  # alive
    pages: list[list[DeadMail]] = []
    position: Position | None = None
    while not pages or pages[-1]:
        at = position
        pages.append(await office.database.read(lambda c, at=at: dead_letters.list_dead(c, outbox, at, 2)))  # type: ignore[misc]
        position = dead_letters.position_of(pages[-1][-1]) if pages[-1] else None
    listed = [mail for page in pages for mail in page]
    assert [str(mail.id) for mail in listed] == sorted(newer, reverse=True) + sorted(older, reverse=True)
    assert [len(page) for page in pages] == [2, 2, 2, 0]
    assert listed[0].last_error == "content 554"
    assert listed[0].recipient == "user9@example.com"


async def test_one_is_sent_again_and_the_other_stays(office: Office, smtp: SmtpServer) -> None:
    first, second = await bury(office, 2)
    await office.execute(outbox.update().values(expires_at=utc_now(-60), created_at=utc_now(-(10**6))))
    assert await office.database.write(lambda c: dead_letters.retry(c, outbox, uuid.UUID(first)))
    async with running(office.worker(mail_settings(smtp.port))):
        await office.wait_until_gone(first)
    assert [mail.id for mail in smtp.mails()] == [first]
    (row,) = await office.rows()
    assert row.id == uuid.UUID(second)


async def test_one_that_is_sent_again_has_all_its_time_again(office: Office, smtp: SmtpServer) -> None:
    smtp.behave(refuse_at="rcpt", code=450)
    (mail_id,) = await bury(office, 1)
    await office.execute(outbox.update().values(attempts=30, created_at=utc_now(-(10**6))))
    await office.database.write(lambda c: dead_letters.retry(c, outbox, uuid.UUID(mail_id)))
    async with running(office.worker(mail_settings(smtp.port))):
        await eventually(lambda rows: rows[0].attempts >= 2, office.rows)
    (row,) = await office.rows()
    assert row.dead_at is None


async def test_only_a_dead_letter_can_be_sent_again_or_discarded(office: Office) -> None:
    (alive,) = await office.enqueue(notice())
    for unknown in (uuid.UUID(alive), uuid.uuid4()):
        assert not await office.database.write(lambda c, one=unknown: dead_letters.retry(c, outbox, one))  # type: ignore[misc]
        assert not await office.database.write(lambda c, one=unknown: dead_letters.discard(c, outbox, one))  # type: ignore[misc]
    assert len(await office.rows()) == 1


async def test_one_is_discarded(office: Office) -> None:
    first, second = await bury(office, 2)
    assert await office.database.write(lambda c: dead_letters.discard(c, outbox, uuid.UUID(first)))
    (row,) = await office.rows()
    assert row.id == uuid.UUID(second)


async def test_they_are_kept_for_so_long_and_no_longer(office: Office) -> None:
    old, _ = await bury(office, 2)
    await office.execute(
        outbox.update().where(outbox.c.id == uuid.UUID(old)).values(dead_at=utc_now(-31 * 86_400))
    )
    swept = await office.database.write(lambda c: dead_letters.purge(c, outbox=outbox, days=30, count=10))
    assert swept == 1
    assert [row.id for row in await office.rows()] != [uuid.UUID(old)]
