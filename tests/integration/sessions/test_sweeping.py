"""Cleanup by two replicas during parallel refreshes deletes only expired rows, in batches."""

import asyncio
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import uuid_utils.compat as uuid7s
from pydantic import SecretStr

from doorward_auth.cleanup import ENDED_SESSION_RETENTION, cleanup_task
from doorward_auth.sessions import repository
from doorward_identity.avatars.service import Avatars
from doorward_identity.avatars.settings import AvatarSettings
from doorward_identity.schema import PACKAGE
from doorward_identity.tables import revocations, sessions
from doorward_kit.cleanup import BATCH_SIZE, CleanupTask
from doorward_kit.database import create_engine
from doorward_kit.metrics import Metrics
from doorward_kit.migrations import migrate
from doorward_kit.settings import DatabaseSettings
from doorward_kit.unit_of_work import Database as UnitsOfWork
from integration.harness.bulk_users import Member, enrol
from integration.harness.races import together, until_rows_are_waited_for
from integration.harness.replicas import Replicas, Tokens
from support.databases import Database, DatabaseServer

OVER = 2 * BATCH_SIZE + 300
"""Rows of each kind: three batches."""

LIVE = 24


@contextmanager
def new_cleanup(database_url: str) -> Iterator[CleanupTask]:
    """Return the cleanup of a replica, with its own connections and threads."""
    settings = DatabaseSettings(database_url=SecretStr(database_url), database_timeout_seconds=30.0)
    database = UnitsOfWork(settings, Metrics(), pool_size=2)
    try:
        avatars = Avatars(AvatarSettings(), database, Metrics())
        yield cleanup_task(database, avatars, dead_letter_days=30)
    finally:
        database.dispose()


@pytest.fixture(scope="module")
def database_without_cleanup(mariadb_server: DatabaseServer) -> Iterator[Database]:
    """A database without a running cleanup."""
    with mariadb_server.create_database("quiet") as database:
        with opened(database) as engine:
            migrate(engine, PACKAGE)
        yield database


@contextmanager
def opened(database: Database) -> Iterator[sa.Engine]:
    engine = create_engine(database.url, pool_size=1, timeout=30)
    try:
        yield engine
    finally:
        engine.dispose()


def session_row(member: Member, *, ended: datetime | None, idle_until: datetime) -> dict[str, Any]:
    began = idle_until - timedelta(days=14)
    return {
        "id": uuid7s.uuid7(),
        "user_id": member.id,
        "current_hash": bytes(32),
        "created_at": began,
        "last_used_at": began,
        "idle_expires_at": idle_until,
        "absolute_expires_at": began + timedelta(days=90),
        "ended_at": ended,
        "user_agent": "",
        "ip_address": "",
        "auth_time": began,
        "acr": "aal1",
        "amr": "pwd",
    }


def revocation_row(expires: datetime) -> dict[str, Any]:
    revoked = expires - timedelta(seconds=300)
    subject = uuid.uuid4()
    return {
        "kind": "session",
        "subject_id": subject,
        "token_version": 0,
        "revoked_at": revoked,
        "expires_at": expires,
    }


def store(engine: sa.Engine, table: sa.Table, rows: Sequence[dict[str, Any]]) -> set[uuid.UUID]:
    """Store rows; return their ids."""
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        connection.execute(sa.insert(table), rows)
        connection.commit()
    return {row.get("id") or row["subject_id"] for row in rows}


def stored(engine: sa.Engine, column: sa.Column[Any]) -> set[uuid.UUID]:
    with engine.connect() as connection:
        return set(connection.execute(sa.select(column)).scalars())


def max_batches(engine: sa.Engine) -> int:
    """Return the number of batches after which no expired row can be left."""
    return (
        max(len(stored(engine, column)) for column in (sessions.c.id, revocations.c.subject_id)) // BATCH_SIZE
        + 1
    )


async def walk(one: CleanupTask, engine: sa.Engine) -> None:
    """Run the cleanup until it has covered every table."""
    for _ in range(max_batches(engine)):
        assert await one.run_once() <= BATCH_SIZE


@pytest.fixture
def engine(replicas: Replicas) -> Iterator[sa.Engine]:
    with opened(replicas.database) as engine:
        yield engine


async def test_cleanup_runs_during_parallel_refreshes(replicas: Replicas, engine: sa.Engine) -> None:
    now = datetime.now(UTC)
    [member] = enrol(replicas.database.url, 1)
    live = await together(LIVE, lambda _: replicas.log_in(member), at_once=8)
    later, long_ago, lately = (
        now + timedelta(days=1),
        now - ENDED_SESSION_RETENTION * 1.1,
        now - ENDED_SESSION_RETENTION * 0.9,
    )
    over = store(
        engine,
        sessions,
        [session_row(member, ended=long_ago, idle_until=later) for _ in range(OVER)]
        + [session_row(member, ended=None, idle_until=long_ago) for _ in range(OVER)],
    )
    kept = store(
        engine,
        sessions,
        [session_row(member, ended=lately, idle_until=later) for _ in range(50)]
        + [session_row(member, ended=None, idle_until=lately) for _ in range(50)],
    )
    expired = store(engine, revocations, [revocation_row(now - timedelta(hours=1)) for _ in range(OVER)])
    still_needed = store(engine, revocations, [revocation_row(later) for _ in range(50)])
    is_over = asyncio.Event()

    async def keep_refreshing(number: int) -> int:
        tokens, times = live[number], 0
        while not is_over.is_set():
            tokens = Tokens.of(await replicas.auths[(number + times) % 2].refresh(tokens.refresh))
            times += 1
        live[number] = tokens
        return times

    url = replicas.database.url
    with new_cleanup(url) as first, new_cleanup(url) as second:
        async with asyncio.TaskGroup() as tasks:
            refreshing = [tasks.create_task(keep_refreshing(number)) for number in range(LIVE)]
            cleanups = [tasks.create_task(walk(one, engine)) for one in (first, second)]
            await asyncio.wait(cleanups)
            is_over.set()
    assert sum(task.result() for task in refreshing) > LIVE, "control: sessions were refreshed meanwhile"
    there = stored(engine, sessions.c.id)
    assert not there & over
    assert there >= kept | {tokens.session_id for tokens in live}
    assert not stored(engine, revocations.c.subject_id) & expired
    assert stored(engine, revocations.c.subject_id) >= still_needed
    for tokens in live:
        assert await replicas.users.accepts(tokens.access)
        assert (await replicas.auths[0].refresh(tokens.refresh)).status == 200


async def test_one_cleanup_deletes_one_batch_of_each_table(database_without_cleanup: Database) -> None:
    now = datetime.now(UTC)
    [member] = enrol(database_without_cleanup.url, 1)
    live = [
        session_row(member, ended=None, idle_until=now + ENDED_SESSION_RETENTION)
        for _ in range(BATCH_SIZE + 50)
    ]
    rows = [session_row(member, ended=now - ENDED_SESSION_RETENTION * 2, idle_until=now) for _ in range(OVER)]
    expired = [revocation_row(now - timedelta(hours=1)) for _ in range(OVER)]
    left = [OVER, OVER]
    with opened(database_without_cleanup) as engine, new_cleanup(database_without_cleanup.url) as one:
        living = store(engine, sessions, live)  # with smaller ids than the others
        store(engine, sessions, rows)
        store(engine, revocations, expired)
        for _ in range(max_batches(engine)):
            most, before = await one.run_once(), left
            there = stored(engine, sessions.c.id)
            assert there >= living
            left = [len(there - living), len(stored(engine, revocations.c.subject_id))]
            assert max(was - still for was, still in zip(before, left, strict=True)) == most <= BATCH_SIZE
    assert left == [0, 0]


async def test_only_the_last_ended_sessions_of_a_user_are_kept(
    database_without_cleanup: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "MOST_ENDED", 40)
    now = datetime.now(UTC)
    busy, other = enrol(database_without_cleanup.url, 2)
    ends = [now - timedelta(seconds=number) for number in range(100)]
    with opened(database_without_cleanup) as engine, new_cleanup(database_without_cleanup.url) as one:
        rows = [session_row(busy, ended=end, idle_until=now + ENDED_SESSION_RETENTION) for end in ends]
        store(engine, sessions, rows)
        kept = {row["id"] for row in rows[:40]}
        kept |= store(
            engine,
            sessions,
            [session_row(busy, ended=None, idle_until=now + ENDED_SESSION_RETENTION) for _ in range(50)],
        )
        kept |= store(
            engine, sessions, [session_row(other, ended=ends[99], idle_until=now + ENDED_SESSION_RETENTION)]
        )
        await walk(one, engine)
        there = stored(engine, sessions.c.id)
    assert there & {row["id"] for row in rows} == kept & {row["id"] for row in rows}
    assert there >= kept


async def test_a_revocation_renewed_during_cleanup_is_kept(database_without_cleanup: Database) -> None:
    """The revocation had expired when the cleanup read it, and is renewed before its deletion."""
    row = revocation_row(datetime.now(UTC) - timedelta(hours=1))
    with opened(database_without_cleanup) as engine, new_cleanup(database_without_cleanup.url) as one:
        store(engine, revocations, [row])
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            renewed = sa.update(revocations).values(expires_at=datetime.now(UTC) + timedelta(hours=1))
            connection.execute(renewed)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(one.run_once())
                await until_rows_are_waited_for(database_without_cleanup, 1)
                connection.commit()
        assert stored(engine, revocations.c.subject_id) == {row["subject_id"]}
