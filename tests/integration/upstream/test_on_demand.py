"""The answers to requests for a fresh access token."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from doorward_auth.upstream.grants.events import GrantRefreshed, ReauthRequired
from doorward_auth.upstream.grants.gate import ProviderGate
from doorward_auth.upstream.grants.models import EndReason, GrantState
from doorward_auth.upstream.grants.service import AnswerStatus
from doorward_auth.upstream_adapters.base import (
    FailedError,
    InvalidGrantError,
    UpstreamTokens,
)
from doorward_identity.tables import sessions, upstream_grants, users
from integration.upstream.grant_setup import GrantSetup
from integration.upstream.rotating_upstream import DirectAdapter, RotatingUpstream

BUDGET = 30.0


async def test_a_valid_token_is_given_without_a_request(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    tokens = upstream.issue()
    grant = grant_setup.store(tokens, grant_setup.open_session())
    answer = await grant_setup.ensure_fresh(grant, budget=BUDGET)
    assert (answer.status, answer.access_token) == (AnswerStatus.FRESH, tokens.access_token)
    assert answer.expires_in is not None
    assert 3_000 < answer.expires_in <= 3_600
    assert upstream.requests == []


async def test_an_expired_token_is_replaced(grant_setup: GrantSetup, upstream: RotatingUpstream) -> None:
    tokens = upstream.issue()
    session = grant_setup.open_session()
    grant = grant_setup.store(tokens, session)
    grant_setup.expire(grant)
    answer = await grant_setup.ensure_fresh(grant, budget=BUDGET)
    stored = grant_setup.tokens(grant)
    assert (answer.status, answer.access_token) == (AnswerStatus.FRESH, stored.access_token)
    assert answer.expires_in is not None
    assert 3_000 < answer.expires_in <= 3_600
    assert upstream.requests == [tokens.refresh_token]
    assert upstream.is_valid(stored.refresh_token)
    assert stored.id_token == tokens.id_token, "an answer without an id token keeps the old one"
    row = grant_setup.row(grant)
    assert (row.state, row.generation, row.attempts, row.sent_at, row.leased_until) == (
        "active",
        2,
        0,
        None,
        None,
    )
    assert row.due_at is not None
    assert row.access_expires_at is not None
    assert row.now < row.due_at < row.access_expires_at
    assert grant_setup.received.events == [
        GrantRefreshed(session.user.id, session.id, "theapi", row.access_expires_at)
    ]
    assert grant_setup.outcomes() == {"refreshed": 1}
    assert grant_setup.metric("doorward_upstream_up") == 1
    assert grant_setup.metric("doorward_upstream_request_seconds_count", request="refresh") == 1


async def test_refreshing_again_and_again_uses_each_token_once(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    grant = grant_setup.store(upstream.issue(), grant_setup.open_session())
    for _ in range(5):
        grant_setup.expire(grant)
        answer = await grant_setup.ensure_fresh(grant, budget=BUDGET)
        assert answer.status is AnswerStatus.FRESH
    assert len(set(upstream.requests)) == len(upstream.requests) == 5
    assert grant_setup.row(grant).generation == 6


async def test_an_answer_without_a_refresh_token_keeps_the_old_one(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    upstream.is_reusable = True
    tokens = upstream.issue()
    grant = grant_setup.store(tokens, grant_setup.open_session())
    for _ in range(2):
        grant_setup.expire(grant)
        upstream.script.append(lambda answer: UpstreamTokens(answer.access_token, expires_in=60))
        await grant_setup.ensure_fresh(grant, budget=BUDGET)
    assert upstream.requests == [tokens.refresh_token] * 2


async def test_a_caller_whose_budget_ends_does_not_end_the_refresh(
    grant_setup: GrantSetup, upstream: RotatingUpstream, adapter: DirectAdapter
) -> None:
    tokens = upstream.issue()
    grant = grant_setup.store(tokens, grant_setup.open_session())
    grant_setup.expire_in(grant, seconds=30)
    release = asyncio.Event()
    adapter.after = release.wait
    answer = await grant_setup.ensure_fresh(grant, budget=0.0)
    assert (answer.status, answer.access_token) == (AnswerStatus.PENDING, tokens.access_token)
    assert answer.retry_after > 0
    release.set()
    second = await grant_setup.ensure_fresh(grant, budget=BUDGET)
    assert second.status is AnswerStatus.FRESH
    assert second.access_token == grant_setup.tokens(grant).access_token != tokens.access_token
    assert len(upstream.requests) == 1


async def test_a_caller_who_goes_away_does_not_end_the_refresh(
    grant_setup: GrantSetup, upstream: RotatingUpstream, adapter: DirectAdapter
) -> None:
    grant = grant_setup.store(upstream.issue(), grant_setup.open_session())
    grant_setup.expire(grant)
    sent, release = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        sent.set()
        await release.wait()

    adapter.after = hold
    caller = asyncio.create_task(grant_setup.ensure_fresh(grant, budget=BUDGET))
    await sent.wait()
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    release.set()
    await grant_setup.grants.service.drain(BUDGET)
    assert grant_setup.row(grant).generation == 2


async def test_a_damaged_access_token_is_replaced(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    grant = grant_setup.store(upstream.issue(), grant_setup.open_session())
    other = grant_setup.store(upstream.issue(), grant_setup.open_session())
    grant_setup.execute(sa.text("UPDATE upstream_grants SET access_token = NULL"))
    for one in (grant, other):
        answer = await grant_setup.ensure_fresh(one, budget=BUDGET)
        assert answer.access_token == grant_setup.tokens(one).access_token


@pytest.mark.parametrize("how", ["session ended", "user disabled", "session expired"])
async def test_a_grant_that_nobody_has_any_more_is_missing(
    grant_setup: GrantSetup, upstream: RotatingUpstream, how: str
) -> None:
    session = grant_setup.open_session()
    grant = grant_setup.store(upstream.issue(), session)
    match how:
        case "session ended":
            grant_setup.execute(sessions.update().values(ended_at=sessions.c.created_at))
        case "user disabled":
            grant_setup.execute(users.update().values(status="disabled"))
        case "session expired":
            grant_setup.execute(sessions.update().values(idle_expires_at=sessions.c.created_at))
    answer = await grant_setup.ensure_fresh(grant, budget=BUDGET)
    assert (answer.status, answer.access_token) == (AnswerStatus.MISSING, None)
    assert upstream.requests == []


async def test_a_grant_that_is_deleted_after_it_was_read_is_missing(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    grant = grant_setup.store(upstream.issue(), grant_setup.open_session())
    grant_setup.expire(grant)
    row = grant_setup.row(grant)
    grant_setup.execute(sa.text("DELETE FROM users"))
    answer = await grant_setup.grants.service.ensure_fresh(row, budget=BUDGET)
    assert (answer.status, answer.access_token) == (AnswerStatus.MISSING, None)
    assert upstream.requests == []


async def test_after_a_failure_callers_wait_instead_of_repeating_it(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    """One dead connection made 60,000 attempts a day elsewhere."""
    grant = grant_setup.store(upstream.issue(), grant_setup.open_session())
    grant_setup.expire(grant)
    upstream.script.append(FailedError(status=500))
    answer = await grant_setup.ensure_fresh(grant, budget=BUDGET)
    assert 0 < answer.retry_after <= 5
    row = grant_setup.row(grant)
    longer = {"due_at": row.now + timedelta(hours=1)}  # than the machine can stall
    grant_setup.execute(upstream_grants.update().where(upstream_grants.c.id == grant).values(longer))
    grant_setup.provider.gate.record_answer()
    for _ in range(10):
        answer = await grant_setup.ensure_fresh(grant, budget=BUDGET)
        assert (answer.status, answer.access_token) == (AnswerStatus.PENDING, None)
        assert 5 < answer.retry_after <= 3_600
    assert len(upstream.requests) == 1
    grant_setup.pass_time(grant, 3_601)
    assert (await grant_setup.ensure_fresh(grant, budget=BUDGET)).status is AnswerStatus.FRESH


async def test_callers_of_one_moment_send_no_more_than_the_provider_may_get(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    """All of them ask before the first has sent anything."""
    object.__setattr__(grant_setup.provider, "gate", ProviderGate(5, clock=lambda: 1_000.0))
    session = grant_setup.open_session()
    grants = [grant_setup.store(upstream.issue(), grant_setup.open_session(session.user)) for _ in range(12)]
    for grant in grants:
        grant_setup.expire(grant)
    ask = grant_setup.ensure_fresh
    answers = await asyncio.gather(*(ask(grant, budget=BUDGET) for grant in grants))
    assert len(upstream.requests) == 5
    pending = [answer for answer in answers if answer.status is AnswerStatus.PENDING]
    assert len(pending) == 7
    assert all(0 < answer.retry_after <= 1 for answer in pending)
    assert sum(grant_setup.row(grant).attempts for grant in grants) == 0, "those who wait have leased nothing"


async def test_a_grant_that_is_over_is_not_asked_about_again(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    session = grant_setup.open_session()
    grant = grant_setup.store(upstream.issue(), session)
    grant_setup.expire(grant)
    upstream.script.append(InvalidGrantError(status=400))
    for _ in range(3):
        answer = await grant_setup.ensure_fresh(grant, budget=BUDGET)
        assert (answer.status, answer.access_token) == (AnswerStatus.REAUTH_REQUIRED, None)
    assert len(upstream.requests) == 1
    row = grant_setup.row(grant)
    assert (row.state, row.last_error, row.due_at) == (GrantState.REAUTH_REQUIRED, "invalid_grant", None)
    assert (row.access_token, row.refresh_token, row.id_token) == (None, None, None)
    assert grant_setup.received.events == [
        ReauthRequired(session.user.id, session.id, "theapi", EndReason.INVALID_GRANT)
    ]


async def test_a_token_that_cannot_be_refreshed_is_valid_until_it_expires(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    tokens = upstream.issue(refresh_token=None, expires_in=600)
    grant = grant_setup.store(tokens, grant_setup.open_session())
    answer = await grant_setup.ensure_fresh(grant, budget=BUDGET)
    assert answer.access_token == tokens.access_token
    grant_setup.expire(grant)
    assert (await grant_setup.ensure_fresh(grant, budget=BUDGET)).status is AnswerStatus.REAUTH_REQUIRED
    assert grant_setup.row(grant).state == GrantState.REAUTH_REQUIRED
    assert upstream.requests == []
    assert grant_setup.execute(sa.text("SELECT COUNT(*) FROM outbox"))[0][0] == 0, "it is no surprise"


async def test_a_login_in_the_same_session_replaces_the_grant(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    session = grant_setup.open_session()
    first, other = (
        grant_setup.store(upstream.issue(), session),
        grant_setup.store(upstream.issue(), grant_setup.open_session()),
    )
    second = grant_setup.store(upstream.issue(), session)
    assert (grant_setup.row(first).state, grant_setup.row(first).refresh_token) == (GrantState.ENDED, None)
    assert grant_setup.row(second).state == grant_setup.row(other).state == GrantState.ACTIVE
    assert (await grant_setup.ensure_fresh(first, budget=BUDGET)).status is AnswerStatus.MISSING
