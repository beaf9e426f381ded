"""The background refreshes what is due, each grant once, and ends the grants of ended sessions."""

import asyncio
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from doorward_auth.upstream.grants import repository
from doorward_auth.upstream.grants.models import GrantState
from doorward_auth.upstream.grants.provider import Provider
from doorward_auth.upstream.grants.schedule import RefreshPolicy
from doorward_auth.upstream_adapters.base import Arrival, UnreachableError
from doorward_identity.accounts import SessionEnd
from doorward_identity.sessions import end_session, end_sessions, end_tokens
from doorward_identity.tables import upstream_grants, users
from doorward_kit import retries
from integration.harness.races import until
from integration.upstream.background_refresh import due, left_due, refresher, running
from integration.upstream.grant_setup import GrantSetup, Session
from integration.upstream.rotating_upstream import DirectAdapter, RotatingUpstream


@pytest.fixture
def other_replica(grant_setup: GrantSetup, keys: Path, adapter: DirectAdapter) -> Iterator[GrantSetup]:
    """Another replica."""
    other_replica = GrantSetup(grant_setup.url, keys, adapter)
    yield other_replica
    other_replica.close()


async def test_replicas_refresh_each_due_grant_once(
    grant_setup: GrantSetup, other_replica: GrantSetup, upstream: RotatingUpstream
) -> None:
    session = grant_setup.open_session()
    grants = [due(grant_setup, upstream, grant_setup.open_session(session.user)) for _ in range(60)]
    later = grant_setup.store(upstream.issue(), grant_setup.open_session())
    async with running(grant_setup, other_replica):
        await until(lambda: left_due(grant_setup) == 1, "refreshed")
    assert len(upstream.requests) == len(set(upstream.requests)) == len(grants)
    assert grant_setup.outcomes().keys() | other_replica.outcomes().keys() == {"refreshed"}
    assert grant_setup.row(later).generation == 1
    assert all(upstream.is_valid(grant_setup.tokens(grant).refresh_token) for grant in grants[::20])


async def test_a_provider_gets_four_requests_at_once(
    grant_setup: GrantSetup, upstream: RotatingUpstream, adapter: DirectAdapter
) -> None:
    for _ in range(6):
        due(grant_setup, upstream)
    at_once, release = 0, asyncio.Event()

    async def hold() -> None:
        nonlocal at_once
        at_once += 1
        await release.wait()

    adapter.after = hold
    async with running(grant_setup):
        await until(lambda: at_once == 4, "four at once")
        leased = sa.text("SELECT COUNT(*) FROM upstream_grants WHERE leased_until IS NOT NULL")
        assert grant_setup.execute(leased)[0][0] == 4
        release.set()
        await until(lambda: left_due(grant_setup) == 0, "refreshed")
    assert at_once == 6


async def test_a_provider_that_is_away_delays_no_other(
    grant_setup: GrantSetup, upstream: RotatingUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pause in ("_FIRST_PAUSE_SECONDS", "LONGEST_PAUSE_SECONDS"):
        monkeypatch.setattr(retries, pause, 3_600.0)
    working = RotatingUpstream()
    second = Provider("second", DirectAdapter(working))
    for _ in range(5):
        due(grant_setup, upstream)
    upstream.script.extend([UnreachableError(Arrival.NOT_SENT)] * 100)
    provider, grant_setup.provider = grant_setup.provider, second
    grant = due(grant_setup, working)
    grant_setup.provider = provider
    task = asyncio.create_task(refresher(grant_setup, second).run())
    await until(lambda: grant_setup.row(grant).generation == 2, "refreshed")
    await until(lambda: bool(upstream.requests), "tried")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(upstream.requests) <= 4, "the circuit is open"
    assert left_due(grant_setup) == 5


async def test_what_was_sent_is_finished_when_the_process_stops(
    grant_setup: GrantSetup, upstream: RotatingUpstream, adapter: DirectAdapter
) -> None:
    grant = due(grant_setup, upstream)
    sent, release = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        sent.set()
        await release.wait()

    adapter.after = hold
    task = asyncio.create_task(refresher(grant_setup).run())
    await sent.wait()
    task.cancel()
    await asyncio.sleep(0)
    release.set()
    await asyncio.gather(task, return_exceptions=True)
    assert grant_setup.row(grant).generation == 2
    assert upstream.is_valid(grant_setup.tokens(grant).refresh_token)


async def test_a_process_that_drains_begins_nothing(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    grant = due(grant_setup, upstream)
    task = asyncio.create_task(refresher(grant_setup, stopping=True).run())
    await until(lambda: grant_setup.metric("doorward_upstream_grants", state="active") == 1, "measured")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (grant_setup.row(grant).leased_until, upstream.requests) == (None, [])


async def test_a_process_that_stops_waits_for_the_slowest_upstream(
    grant_setup: GrantSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    object.__setattr__(grant_setup.provider, "policy", RefreshPolicy(deadline_seconds=30.0))
    waited: list[float] = []

    async def drain(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(grant_setup.grants.service, "drain", drain)
    task = asyncio.create_task(grant_setup.grants.background()[-1]())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert waited == [33.0]


async def test_grants_of_an_unused_session_wait(grant_setup: GrantSetup, upstream: RotatingUpstream) -> None:
    now = datetime.now(UTC)
    session = grant_setup.open_session(
        last_used_at=now - timedelta(days=8), idle_expires_at=now + timedelta(days=6)
    )
    unused, used = due(grant_setup, upstream, session), due(grant_setup, upstream)
    async with running(grant_setup):
        await until(lambda: grant_setup.row(used).generation == 2, "refreshed")
        await until(
            lambda: grant_setup.row(unused).due_at == grant_setup.row(unused).session_idle_expires_at,
            "left alone",
        )
    assert len(upstream.requests) == 1
    answer = await grant_setup.ensure_fresh(unused, budget=30.0, min_validity=3_000.0)
    assert answer.access_token is not None, "a request refreshes it"
    assert grant_setup.row(unused).generation == 2


def log_out(grant_setup: GrantSetup, session: Session) -> None:
    with grant_setup.transaction() as connection:
        end_session(connection, session.id, SessionEnd.LOGOUT, token_seconds=300)


def end_all(grant_setup: GrantSetup, session: Session) -> None:
    with grant_setup.transaction() as connection:
        end_sessions(connection, session.user.id, SessionEnd.DISABLED)
        connection.execute(users.update().where(users.c.id == session.user.id).values(status="disabled"))
        end_tokens(connection, session.user.id, token_seconds=300)


@pytest.mark.parametrize("end", [log_out, end_all])
@pytest.mark.parametrize("changes", [{}, {"refresh_token": None, "expires_in": None}], ids=["due", "never"])
async def test_the_grants_of_an_ended_session_are_wiped_and_revoked_soon(
    grant_setup: GrantSetup, upstream: RotatingUpstream, end: object, changes: dict[str, Any]
) -> None:
    """Not only when they are due, which may be in an hour, or never."""
    session = grant_setup.open_session()
    tokens = upstream.issue(**changes)
    grant, other_replica = (
        grant_setup.store(tokens, session),
        grant_setup.store(upstream.issue(), grant_setup.open_session()),
    )
    async with running(grant_setup):
        end(grant_setup, session)  # type: ignore[operator]  # one of the two functions
        await until(lambda: grant_setup.row(grant).state == GrantState.ENDED, "ended")
    await grant_setup.deliver()
    row = grant_setup.row(grant)
    assert (row.access_token, row.refresh_token, row.id_token, row.due_at) == (None, None, None, None)
    assert [one.access_token for one in upstream.revoked] == [tokens.access_token]
    assert upstream.requests == []
    assert grant_setup.row(other_replica).state == GrantState.ACTIVE
    assert grant_setup.execute(sa.text("SELECT COUNT(*) FROM outbox"))[0][0] == 0


async def test_a_change_of_role_ends_no_grant(grant_setup: GrantSetup, upstream: RotatingUpstream) -> None:
    session = grant_setup.open_session()
    grant = grant_setup.store(upstream.issue(), session)
    with grant_setup.transaction() as connection:
        end_tokens(connection, session.user.id, token_seconds=300)
        assert repository.make_ended_due(connection, count=100) == 0
    assert grant_setup.row(grant).state == GrantState.ACTIVE


async def test_the_gauges_describe_the_table(grant_setup: GrantSetup, upstream: RotatingUpstream) -> None:
    for _ in range(3):
        grant_setup.pass_time(grant_setup.store(upstream.issue(), grant_setup.open_session()), 3_700)
    grant_setup.execute(
        upstream_grants.insert().from_select(
            [column.name for column in upstream_grants.c],
            sa.select(
                *(
                    sa.literal(uuid.uuid4(), column.type).label("id")
                    if column.name == "id"
                    else sa.literal("reauth_required").label("state")
                    if column.name == "state"
                    else sa.null().label("due_at")
                    if column.name == "due_at"
                    else column
                    for column in upstream_grants.c
                )
            ).limit(1),
        )
    )
    await refresher(grant_setup)._measure()
    counts = [grant_setup.metric("doorward_upstream_grants", state=state.value) for state in GrantState]
    assert counts == [3, 0, 1, 0]
    assert 100 < grant_setup.metric("doorward_upstream_oldest_due_seconds") < 3_700
