"""A result that comes late, while the database rejects writes, or after its session has ended."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
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
from integration.upstream.grant_setup import LEASE_SECONDS, GrantSetup, Session
from integration.upstream.revocation_rows import link
from integration.upstream.rotating_upstream import DirectAdapter, RotatingUpstream
from support.databases import DatabaseServer
from support.private_server import PrivateServer

BUDGET = 60.0


@pytest.fixture
def other_replica(grant_setup: GrantSetup, keys: Path, adapter: DirectAdapter) -> Iterator[GrantSetup]:
    """Another process over the same database."""
    other_replica = GrantSetup(grant_setup.url, keys, adapter)
    yield other_replica
    other_replica.close()


class Pause:
    """Stops a request after the upstream has acted."""

    def __init__(self, adapter: DirectAdapter) -> None:
        self.acted, self.release = asyncio.Event(), asyncio.Event()
        adapter.after = self._wait

    async def _wait(self) -> None:
        self.acted.set()
        await self.release.wait()


async def test_no_process_takes_over_while_an_answer_may_still_arrive(
    grant_setup: GrantSetup, other_replica: GrantSetup, upstream: RotatingUpstream, adapter: DirectAdapter
) -> None:
    """An answer just before its deadline: a lock of two seconds was too short elsewhere."""
    grant = grant_setup.store(upstream.issue(), grant_setup.open_session())
    grant_setup.expire(grant)
    pause = Pause(adapter)
    caller = asyncio.create_task(grant_setup.ensure_fresh(grant, budget=BUDGET))
    await pause.acted.wait()
    deadline = grant_setup.provider.policy.deadline_seconds
    grant_setup.pass_time(grant, deadline - 0.1)
    answer = await other_replica.ensure_fresh(grant, budget=0.2)
    assert (answer.status, len(upstream.requests)) == (AnswerStatus.PENDING, 1)
    row = grant_setup.row(grant)
    assert row.leased_until is not None
    assert row.leased_until - row.now > timedelta(seconds=deadline), "no time is left to store the answer"
    pause.release.set()
    assert (await caller).status is AnswerStatus.FRESH
    assert (await other_replica.ensure_fresh(grant, budget=BUDGET)).status is AnswerStatus.FRESH
    assert len(upstream.requests) == 1


async def test_a_late_result_is_stored_if_no_other_process_has_tried(
    grant_setup: GrantSetup, upstream: RotatingUpstream, adapter: DirectAdapter
) -> None:
    grant = grant_setup.store(upstream.issue(), grant_setup.open_session())
    grant_setup.expire(grant)
    pause = Pause(adapter)
    caller = asyncio.create_task(grant_setup.ensure_fresh(grant, budget=BUDGET))
    await pause.acted.wait()
    grant_setup.pass_time(grant, 3_600)
    pause.release.set()
    assert (await caller).status is AnswerStatus.FRESH
    assert upstream.is_valid(grant_setup.tokens(grant).refresh_token)


async def test_a_late_result_is_not_stored_while_another_process_has_the_grant(
    grant_setup: GrantSetup, keys: Path, upstream: RotatingUpstream, adapter: DirectAdapter
) -> None:
    """The generation is still the same: the lease alone tells the two apart."""
    upstream.is_reusable = True
    adapters = adapter, DirectAdapter(upstream)
    late, other_replica = (Pause(one) for one in adapters)
    second = GrantSetup(grant_setup.url, keys, adapters[1])
    grant = grant_setup.store(upstream.issue(), grant_setup.open_session())
    grant_setup.expire(grant)
    first_caller = asyncio.create_task(grant_setup.ensure_fresh(grant, budget=BUDGET))
    await late.acted.wait()
    grant_setup.pass_time(grant, LEASE_SECONDS)
    second_caller = asyncio.create_task(second.ensure_fresh(grant, budget=BUDGET))
    await other_replica.acted.wait()
    leased = grant_setup.row(grant)
    late.release.set()
    await first_caller
    assert grant_setup.outcomes() == {"lease_lost": 1}
    row = grant_setup.row(grant)
    assert (row.generation, row.lease_id, row.refresh_token) == (1, leased.lease_id, leased.refresh_token)
    other_replica.release.set()
    assert (await second_caller).access_token == grant_setup.tokens(grant).access_token
    assert second.outcomes() == {"refreshed": 1}
    second.close()


class Failing:
    """Makes writes of the grants' database fail, as a database that has become read-only does."""

    def __init__(self, engine: sa.Engine) -> None:
        self.rejected = asyncio.Event()
        self._is_read_only = False
        self._loop = asyncio.get_running_loop()
        sa.event.listen(engine, "before_cursor_execute", self._check)

    def reject(self) -> None:
        self._is_read_only = True

    def accept(self) -> None:
        self._is_read_only = False

    def _check(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        if self._is_read_only and statement.startswith("UPDATE"):
            self._loop.call_soon_threadsafe(self.rejected.set)
            raise sa.exc.OperationalError(statement, {}, Exception(1290, "read-only"))


def failing(grant_setup: GrantSetup) -> Failing:
    return Failing(grant_setup.resources.database.engine)


@pytest.mark.databases("mariadb")
async def test_a_result_is_stored_again_until_the_database_accepts_it(
    mariadb_server: DatabaseServer,
    grant_setup: GrantSetup,
    upstream: RotatingUpstream,
    adapter: DirectAdapter,
) -> None:
    """The upstream has replaced the refresh token: the new one exists in memory alone."""
    if not isinstance(mariadb_server, PrivateServer):
        pytest.skip("needs a server that tests may change")
    grant = grant_setup.store(upstream.issue(), grant_setup.open_session())
    grant_setup.expire(grant)
    pause = Pause(adapter)
    caller = asyncio.create_task(grant_setup.ensure_fresh(grant, budget=BUDGET))
    await pause.acted.wait()
    errors = grant_setup.resources.metrics.database_errors.labels("1290", "failed")
    with mariadb_server.read_only():
        pause.release.set()
        await until(lambda: errors._value.get() > 0, "rejected")
    assert (await caller).status is AnswerStatus.FRESH
    assert upstream.is_valid(grant_setup.tokens(grant).refresh_token)


async def test_a_result_that_cannot_be_stored_until_the_lease_ends_is_uncertain(
    grant_setup: GrantSetup, upstream: RotatingUpstream, adapter: DirectAdapter
) -> None:
    object.__setattr__(grant_setup.provider, "policy", RefreshPolicy(deadline_seconds=0.5))
    server = failing(grant_setup)
    grant = grant_setup.store(upstream.issue(), grant_setup.open_session())
    grant_setup.expire(grant)
    adapter.after = server.reject
    answer = await grant_setup.ensure_fresh(grant, budget=BUDGET)
    assert (answer.status, grant_setup.outcomes()) == (AnswerStatus.PENDING, {"not_stored": 1})
    adapter.after = None
    server.accept()
    grant_setup.pass_time(grant, 60)
    await grant_setup.ensure_fresh(grant, budget=BUDGET)
    assert grant_setup.outcomes() == {"not_stored": 1, "lost": 1}


def log_out(grant_setup: GrantSetup, session: Session, _grant: uuid.UUID) -> None:
    with grant_setup.transaction() as connection:
        end_session(connection, session.id, SessionEnd.LOGOUT, token_seconds=300)


def disable(grant_setup: GrantSetup, session: Session, _grant: uuid.UUID) -> None:
    with grant_setup.transaction() as connection:
        end_sessions(connection, session.user.id, SessionEnd.DISABLED)
        connection.execute(users.update().values(status="disabled"))


def delete(grant_setup: GrantSetup, session: Session, _grant: uuid.UUID) -> None:
    grant_setup.execute(users.delete().where(users.c.id == session.user.id))


def unlink(grant_setup: GrantSetup, session: Session, _grant: uuid.UUID) -> None:
    with grant_setup.transaction() as connection:
        repository.end_all(connection, session.user.id, "theapi")


Leave = Callable[[GrantSetup, Session, uuid.UUID], None]


@pytest.mark.parametrize("leave", [log_out, disable, delete, unlink])
async def test_a_result_for_a_user_who_has_left_is_revoked_and_not_stored(
    grant_setup: GrantSetup, upstream: RotatingUpstream, adapter: DirectAdapter, leave: Leave
) -> None:
    session = grant_setup.open_session()
    grant = grant_setup.store(upstream.issue(), session)
    grant_setup.expire(grant)
    issued: list[UpstreamTokens] = []

    def note(tokens: UpstreamTokens) -> UpstreamTokens:
        issued.append(tokens)
        return tokens

    upstream.script.append(note)
    pause = Pause(adapter)
    caller = asyncio.create_task(grant_setup.ensure_fresh(grant, budget=BUDGET))
    await pause.acted.wait()
    leave(grant_setup, session, grant)
    pause.release.set()
    assert (await caller).status is AnswerStatus.MISSING
    await grant_setup.deliver()
    [(access, refresh)] = [(one.access_token, one.refresh_token) for one in issued]
    revoked = [(one.access_token, one.refresh_token) for one in upstream.revoked]
    assert revoked[-1] == (access, refresh)
    assert len(revoked) == (1 if leave is delete else 2), "those that were sent, too, unless they are deleted"
    assert grant_setup.outcomes() == {"unwanted": 1}
    kept = sa.text("SELECT COUNT(*) FROM upstream_grants WHERE refresh_token IS NOT NULL")
    assert grant_setup.execute(kept)[0][0] == 0
    if leave is not delete:
        assert grant_setup.row(grant).state == GrantState.ENDED
    assert grant_setup.execute(sa.text("SELECT COUNT(*) FROM outbox"))[0][0] == 0
    assert grant_setup.received.events == []


async def test_a_refresh_token_that_goes_on_is_revoked_with_the_late_result(
    grant_setup: GrantSetup, upstream: RotatingUpstream, adapter: DirectAdapter
) -> None:
    """The answer has no new one, so the stored one stays valid."""
    session = grant_setup.open_session()
    tokens = upstream.issue()
    grant = grant_setup.store(tokens, session)
    grant_setup.expire(grant)
    upstream.script.append(lambda answer: replace(answer, refresh_token=None))
    adapter.after = lambda: log_out(grant_setup, session, grant)
    assert (await grant_setup.ensure_fresh(grant, budget=BUDGET)).status is AnswerStatus.MISSING
    await grant_setup.deliver()
    revoked = [one.refresh_token or one.access_token for one in upstream.revoked]
    assert len(revoked) == 2
    assert tokens.refresh_token in revoked


async def test_tokens_that_another_session_may_share_are_not_revoked(
    grant_setup: GrantSetup, upstream: RotatingUpstream, adapter: DirectAdapter
) -> None:
    """Some upstreams give each login of a user the same tokens."""
    session = grant_setup.open_session()
    link(grant_setup, session.user, "subject")
    other_replica = grant_setup.store(upstream.issue(), grant_setup.open_session(session.user))
    grant = grant_setup.store(upstream.issue(), session)
    grant_setup.expire(grant)
    pause = Pause(adapter)
    caller = asyncio.create_task(grant_setup.ensure_fresh(grant, budget=BUDGET))
    await pause.acted.wait()
    log_out(grant_setup, session, grant)
    pause.release.set()
    await caller
    await grant_setup.deliver()
    assert upstream.revoked == []
    assert (grant_setup.row(grant).state, grant_setup.row(other_replica).state) == (
        GrantState.ENDED,
        GrantState.ACTIVE,
    )
