"""The outbox table, and leases on its rows."""

import uuid

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from doorward_kit.column_types import utc_now
from doorward_mail.outbox import leases
from doorward_mail.outbox.leases import LeasedMail
from doorward_mail.outbox.mail import Mail
from integration.mail.mailing import Mailer, create_tables, metadata, notice, outbox
from support.databases import Database, DatabaseServer


async def test_the_migration_creates_the_table_of_the_code(mailer: Mailer, mail_url: str) -> None:
    create_tables(mail_url)  # a second time changes nothing
    with mailer.database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []


@pytest.mark.databases("mariadb")  # SQLite has one writer
async def test_finding_due_mail_reads_only_the_rows_it_returns(mailer: Mailer) -> None:
    """On MariaDB, with mails that are not due, dead letters, and due mails."""
    await mailer.enqueue(*(notice(number) for number in range(300)))
    await mailer.execute(
        outbox.update().values(due_at=utc_now(3600)).where(outbox.c.recipient.like("user1%"))
    )
    seen: list[str] = []

    @sa.event.listens_for(mailer.database.engine, "before_cursor_execute")
    def explain(connection: sa.Connection, _cursor: object, statement: str, *_more: object) -> None:
        if "SKIP LOCKED" in statement and not statement.startswith("EXPLAIN"):
            parameters = _more[0]
            explained = f"EXPLAIN FORMAT=TRADITIONAL {statement}"  # MySQL's default is a tree
            plan = connection.exec_driver_sql(explained, parameters).mappings().one()  # type: ignore[arg-type]
            seen.append(f"{plan['key']} {plan['Extra']}")

    assert len(await take(mailer, 5)) == 5
    (plan,) = seen
    assert plan.startswith("ix_outbox_due_at")
    assert "filesort" not in plan


async def take(mailer: Mailer, count: int, seconds: float = 60.0) -> list[LeasedMail]:
    return await mailer.database.write(
        lambda c: leases.lease(c, outbox, count=count, seconds=seconds, lease_id=uuid.uuid4())
    )


async def test_a_leased_mail_is_locked_until_the_lease_ends(mailer: Mailer) -> None:
    await mailer.enqueue(*(notice(number) for number in range(3)))
    first = await take(mailer, 2, seconds=60.0)
    second = await take(mailer, 5, seconds=60.0)
    assert [len(first), len(second)] == [2, 1]
    assert not {mail.id for mail in first} & {mail.id for mail in second}
    assert await take(mailer, 5) == []
    assert not await mailer.database.read(lambda c: leases.is_any_due(c, outbox))
    await mailer.execute(outbox.update().values(due_at=utc_now(-1)))
    third = await take(mailer, 5)
    assert {mail.attempts for mail in third} == {2}


@pytest.mark.databases("mariadb")  # SQLite has one writer
async def test_parallel_workers_skip_each_others_locked_rows(mailer: Mailer, mail_url: str) -> None:
    await mailer.enqueue(*(notice(number) for number in range(10)))
    other = Mailer(mail_url)
    with mailer.database.engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        mine = leases.lease(connection, outbox, count=4, seconds=60, lease_id=uuid.uuid4())
        theirs = await take(other, 20)
        connection.commit()
    other.close()
    assert [len(mine), len(theirs)] == [4, 6]


async def test_a_worker_whose_lease_expired_changes_nothing(mailer: Mailer) -> None:
    await mailer.enqueue(notice())
    (late,) = await take(mailer, 1, seconds=-1.0)
    (now,) = await take(mailer, 1)
    for work in (
        lambda c: leases.lock(c, outbox, late),
        lambda c: leases.delete_sent(c, outbox, late),
        lambda c: leases.mark_dead(c, outbox, late, error="crash"),
        lambda c: leases.reschedule(c, outbox, late, seconds=0, error="timeout"),
    ):
        assert not await mailer.database.write(work)
    (row,) = await mailer.rows()
    assert (row.lease_id, row.attempts, row.dead_at, row.last_error) == (now.lease_id, 2, None, None)
    assert await mailer.database.write(lambda c: leases.delete_sent(c, outbox, now))
    assert await mailer.rows() == []


async def test_an_attempt_that_failed_for_other_reasons_is_not_counted(mailer: Mailer) -> None:
    await mailer.enqueue(notice())
    (mail,) = await take(mailer, 1)
    await mailer.database.write(
        lambda c: leases.reschedule(c, outbox, mail, seconds=-1, error="connect", counts_attempt=False)
    )
    (again,) = await take(mailer, 1)
    assert again.attempts == 1


async def test_a_mail_is_read_as_it_was_stored(mailer: Mailer) -> None:
    parameters = {"name": "Ädä 💌", "lines": "one\ntwo", "list": [1, {"deep": None}], "flag": True}
    mail = Mail("notice", "jörg@bücher.example", "de-AT", parameters, expires_in=3600)
    await mailer.enqueue(mail)
    (leased,) = await take(mailer, 1)
    assert (leased.id, leased.template, leased.recipient) == (mail.id, "notice", "jörg@bücher.example")
    assert (leased.locale, leased.parameters, leased.is_expired) == ("de-AT", parameters, False)
    assert 0 <= leased.age < 60


async def test_values_that_do_not_fit_are_rejected(mailer: Mailer) -> None:
    for mail in (
        Mail("notice", "a@example.com", parameters={"text": "x" * 9000}),
        Mail("notice", "a" * 250 + "@example.com"),
    ):
        with pytest.raises(ValueError, match="longer than"):
            await mailer.enqueue(mail)
    assert await mailer.rows() == []


async def test_metrics_count_waiting_and_dead_mail(mailer: Mailer) -> None:
    assert await mailer.database.read(lambda c: leases.measure(c, outbox)) == leases.OutboxBacklog(0, 0, 0.0)
    await mailer.enqueue(*(notice(number) for number in range(3)))
    await mailer.execute(
        outbox.update()
        .where(outbox.c.recipient == "user0@example.com")
        .values(created_at=utc_now(-7200), dead_at=utc_now(), due_at=None)
    )
    await mailer.execute(
        outbox.update().where(outbox.c.recipient == "user1@example.com").values(created_at=utc_now(-60))
    )
    backlog = await mailer.database.read(lambda c: leases.measure(c, outbox))
    assert (backlog.waiting, backlog.dead) == (2, 1)
    assert 59 < backlog.oldest < 120


@pytest.fixture
def account(mariadb_server: DatabaseServer) -> Database:
    return mariadb_server.create_database("mailgrants")


async def test_enqueueing_needs_only_the_insert_privilege(account: Database) -> None:
    with account:
        create_tables(account.url)
        writer = Mailer(account.account("writer", {"outbox": "INSERT"}))
        reader = Mailer(account.account("worker", {"outbox": "SELECT, UPDATE, DELETE"}))
        await writer.enqueue(notice())
        (mail,) = await take(reader, 1)
        assert await reader.database.write(lambda c: leases.delete_sent(c, outbox, mail))
        with (
            writer.database.engine.connect() as connection,
            pytest.raises(sa.exc.OperationalError, match="SELECT command denied"),
        ):
            connection.execute(sa.select(outbox.c.recipient))
        writer.close()
        reader.close()
