"""A result that comes late, while the database rejects writes, or after its session has ended."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from doorward_auth.upstream.grants import repository
from doorward_auth.upstream.grants.models import GrantState
from doorward_auth.upstream.grants.schedule import RefreshPolicy
from doorward_auth.upstream.grants.service import AnswerStatus
from doorward_auth.upstream_adapters.base import UpstreamTokens
from doorward_identity.accounts import SessionEnd
from doorward_identity.sessions import end_session, end_sessions
from doorward_identity.tables import users
from integration.harness.races import until
from integration.upstream.grant_world import LEASE_SECONDS, GrantWorld, Session
from integration.upstream.rotating_upstream import DirectAdapter, RotatingUpstream
from support.databases import DatabaseServer
from support.mariadb import MariaDB

BUDGET = 60.0


@pytest.fixture
def other(world: GrantWorld, keys: Path, adapter: DirectAdapter) -> Iterator[GrantWorld]:
    """Another process over the same database."""
    other = GrantWorld(world.url, keys, adapter)
    yield other
    other.close()


class Pause:
    """Stops a request after the upstream has acted."""

    def __init__(self, adapter: DirectAdapter) -> None:
        self.acted, self.release = asyncio.Event(), asyncio.Event()
        adapter.after = self._wait

    async def _wait(self) -> None:
        self.acted.set()
        await self.release.wait()


async def test_nobody_takes_over_while_an_answer_may_still_come(
    world: GrantWorld, other: GrantWorld, upstream: RotatingUpstream, adapter: DirectAdapter
) -> None:
    """An answer just before its deadline: a lock of two seconds was too short elsewhere."""
    grant = world.store(upstream.issue(), world.open_session())
    world.expire(grant)
    pause = Pause(adapter)
    caller = asyncio.create_task(world.grants.service.ensure_fresh(grant, budget=BUDGET))
    await pause.acted.wait()
    deadline = world.provider.policy.deadline_seconds
    world.pass_time(grant, deadline - 0.1)
    answer = await other.grants.service.ensure_fresh(grant, budget=0.2)
    assert (answer.status, len(upstream.requests)) == (AnswerStatus.PENDING, 1)
    row = world.row(grant)
    assert row.leased_until is not None
    assert row.leased_until - row.now > timedelta(seconds=deadline), "no time is left to store the answer"
    pause.release.set()
    assert (await caller).status is AnswerStatus.FRESH
    assert (await other.grants.service.ensure_fresh(grant, budget=BUDGET)).status is AnswerStatus.FRESH
    assert len(upstream.requests) == 1


async def test_a_late_result_is_stored_as_long_as_nobody_else_has_tried(
    world: GrantWorld, upstream: RotatingUpstream, adapter: DirectAdapter
) -> None:
    grant = world.store(upstream.issue(), world.open_session())
    world.expire(grant)
    pause = Pause(adapter)
    caller = asyncio.create_task(world.grants.service.ensure_fresh(grant, budget=BUDGET))
    await pause.acted.wait()
    world.pass_time(grant, 3_600)
    pause.release.set()
    assert (await caller).status is AnswerStatus.FRESH
    assert upstream.is_valid(world.tokens(grant).refresh_token)


async def test_a_late_result_is_not_stored_while_another_process_has_the_grant(
    world: GrantWorld, keys: Path, upstream: RotatingUpstream, adapter: DirectAdapter
) -> None:
    """The generation is still the same: the lease alone tells the two apart."""
    upstream.is_reusable = True
    adapters = adapter, DirectAdapter(upstream)
    late, other = (Pause(one) for one in adapters)
    second = GrantWorld(world.url, keys, adapters[1])
    grant = world.store(upstream.issue(), world.open_session())
    world.expire(grant)
    first_caller = asyncio.create_task(world.grants.service.ensure_fresh(grant, budget=BUDGET))
    await late.acted.wait()
    world.pass_time(grant, LEASE_SECONDS)
    second_caller = asyncio.create_task(second.grants.service.ensure_fresh(grant, budget=BUDGET))
    await other.acted.wait()
    leased = world.row(grant)
    late.release.set()
    await first_caller
    assert world.outcomes() == {"lease_lost": 1}
    row = world.row(grant)
    assert (row.generation, row.lease_id, row.refresh_token) == (1, leased.lease_id, leased.refresh_token)
    other.release.set()
    assert (await second_caller).access_token == world.tokens(grant).access_token
    assert second.outcomes() == {"refreshed": 1}
    second.close()


class Failing:
    """Makes writes of the grants' database fail, as a database that has become read-only does."""

    def __init__(self, engine: sa.Engine) -> None:
        self.refused = asyncio.Event()
        self._is_read_only = False
        self._loop = asyncio.get_running_loop()
        sa.event.listen(engine, "before_cursor_execute", self._check)

    def refuse(self) -> None:
        self._is_read_only = True

    def accept(self) -> None:
        self._is_read_only = False

    def _check(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        if self._is_read_only and statement.startswith("UPDATE"):
            self._loop.call_soon_threadsafe(self.refused.set)
            raise sa.exc.OperationalError(statement, {}, Exception(1290, "read-only"))


def failing(world: GrantWorld) -> Failing:
    return Failing(world.resources.database.engine)


@pytest.mark.databases("mariadb")
async def test_a_result_is_stored_again_until_the_database_accepts_it(
    mariadb_server: DatabaseServer, world: GrantWorld, upstream: RotatingUpstream, adapter: DirectAdapter
) -> None:
    """The upstream has replaced the refresh token: the new one exists in memory alone."""
    if not isinstance(mariadb_server, MariaDB):
        pytest.skip("needs a server that tests may change")
    grant = world.store(upstream.issue(), world.open_session())
    world.expire(grant)
    pause = Pause(adapter)
    caller = asyncio.create_task(world.grants.service.ensure_fresh(grant, budget=BUDGET))
    await pause.acted.wait()
    errors = world.resources.metrics.database_errors.labels("1290", "failed")
    with mariadb_server.read_only():
        pause.release.set()
        await until(lambda: errors._value.get() > 0, "refused")
    assert (await caller).status is AnswerStatus.FRESH
    assert upstream.is_valid(world.tokens(grant).refresh_token)


async def test_a_result_that_cannot_be_stored_until_the_lease_ends_is_uncertain(
    world: GrantWorld, upstream: RotatingUpstream, adapter: DirectAdapter
) -> None:
    object.__setattr__(world.provider, "policy", RefreshPolicy(deadline_seconds=0.1))
    server = failing(world)
    grant = world.store(upstream.issue(), world.open_session())
    world.expire(grant)
    adapter.after = server.refuse
    answer = await world.grants.service.ensure_fresh(grant, budget=BUDGET)
    assert (answer.status, world.outcomes()) == (AnswerStatus.PENDING, {"not_stored": 1})
    adapter.after = None
    server.accept()
    world.pass_time(grant, 60)
    await world.grants.service.ensure_fresh(grant, budget=BUDGET)
    assert world.outcomes() == {"not_stored": 1, "lost": 1}


def log_out(world: GrantWorld, session: Session, _grant: uuid.UUID) -> None:
    with world.transaction() as connection:
        end_session(connection, session.id, SessionEnd.LOGOUT, token_seconds=300)


def disable(world: GrantWorld, session: Session, _grant: uuid.UUID) -> None:
    with world.transaction() as connection:
        end_sessions(connection, session.user.id, SessionEnd.DISABLED)
        connection.execute(users.update().values(status="disabled"))


def delete(world: GrantWorld, session: Session, _grant: uuid.UUID) -> None:
    world.execute(users.delete().where(users.c.id == session.user.id))


def unlink(world: GrantWorld, session: Session, _grant: uuid.UUID) -> None:
    with world.transaction() as connection:
        repository.end_all(connection, session.user.id, "theapi")


Leave = Callable[[GrantWorld, Session, uuid.UUID], None]


@pytest.mark.parametrize("leave", [log_out, disable, delete, unlink])
async def test_a_result_for_a_user_who_has_left_is_revoked_and_not_stored(
    world: GrantWorld, upstream: RotatingUpstream, adapter: DirectAdapter, leave: Leave
) -> None:
    session = world.open_session()
    grant = world.store(upstream.issue(), session)
    world.expire(grant)
    issued: list[UpstreamTokens] = []

    def note(tokens: UpstreamTokens) -> UpstreamTokens:
        issued.append(tokens)
        return tokens

    upstream.script.append(note)
    pause = Pause(adapter)
    caller = asyncio.create_task(world.grants.service.ensure_fresh(grant, budget=BUDGET))
    await pause.acted.wait()
    leave(world, session, grant)
    pause.release.set()
    assert (await caller).status is AnswerStatus.MISSING
    assert upstream.revoked == issued
    assert world.outcomes() == {"unwanted": 1}
    kept = sa.text("SELECT COUNT(*) FROM upstream_grants WHERE refresh_token IS NOT NULL")
    assert world.execute(kept)[0][0] == 0
    if leave is not delete:
        assert world.row(grant).state == GrantState.ENDED
    assert world.execute(sa.text("SELECT COUNT(*) FROM outbox"))[0][0] == 0
    assert world.heard.events == []


async def test_tokens_that_another_session_may_share_are_not_revoked(
    world: GrantWorld, upstream: RotatingUpstream, adapter: DirectAdapter
) -> None:
    """Some upstreams give each login of a user the same tokens."""
    session = world.open_session()
    other = world.store(upstream.issue(), world.open_session(session.user))
    grant = world.store(upstream.issue(), session)
    world.expire(grant)
    pause = Pause(adapter)
    caller = asyncio.create_task(world.grants.service.ensure_fresh(grant, budget=BUDGET))
    await pause.acted.wait()
    log_out(world, session, grant)
    pause.release.set()
    await caller
    assert upstream.revoked == []
    assert (world.row(grant).state, world.row(other).state) == (GrantState.ENDED, GrantState.ACTIVE)
