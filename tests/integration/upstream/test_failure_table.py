"""The column "refresh" of the failure table: what each behaviour of an upstream does to a grant."""

import asyncio
import json
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from doorward_auth.upstream.grants.events import ReauthRequired
from doorward_auth.upstream.grants.models import EndReason, GrantRow, GrantState
from doorward_auth.upstream.grants.schedule import RefreshPolicy
from doorward_auth.upstream.grants.service import AnswerStatus, GrantAnswer
from doorward_auth.upstream_adapters.base import (
    Arrival,
    FailedError,
    InvalidGrantError,
    MalformedAnswerError,
    MisconfiguredError,
    ThrottledError,
    UnreachableError,
)
from integration.upstream.grant_world import GrantWorld
from integration.upstream.rotating_upstream import MARK, DirectAdapter, RotatingUpstream

BUDGET = 30.0


def expired_grant(world: GrantWorld, upstream: RotatingUpstream, **changes: Any) -> Any:
    grant = world.store(upstream.issue(**changes), world.open_session())
    world.expire(grant)
    return grant


async def ask(world: GrantWorld, grant: Any) -> GrantAnswer:
    return await world.grants.service.ensure_fresh(grant, budget=BUDGET)


def wait_of(row: GrantRow) -> float:
    assert row.due_at is not None
    return (row.due_at - row.now).total_seconds()


def audited(world: GrantWorld) -> list[tuple[str, dict[str, Any]]]:
    rows = world.execute(sa.text("SELECT action, details FROM audit_events ORDER BY id"))
    return [(row.action, json.loads(row.details)) for row in rows]


def mails(world: GrantWorld) -> list[tuple[str, str]]:
    rows = world.execute(sa.text("SELECT template, recipient FROM outbox"))
    return [(row.template, row.recipient) for row in rows]


async def recovers(world: GrantWorld, grant: Any) -> None:
    """Check that a later attempt succeeds with what is stored."""
    world.provider.gate.record_answer()
    world.provider.gate._resume_at = 0.0
    world.pass_time(grant, 3_600)
    assert (await ask(world, grant)).status is AnswerStatus.FRESH
    assert world.row(grant).state == GrantState.ACTIVE


@pytest.mark.parametrize(
    ("error", "outcome", "state"),
    [
        (FailedError(status=500, request_id="r1"), "failed", GrantState.ACTIVE),
        (MalformedAnswerError(status=200), "malformed", GrantState.UNCERTAIN),
        (UnreachableError(Arrival.NOT_SENT), "unreachable", GrantState.ACTIVE),
        (UnreachableError(Arrival.UNKNOWN), "uncertain", GrantState.UNCERTAIN),
        (MisconfiguredError(status=401), "misconfigured", GrantState.ACTIVE),
        (ThrottledError(7, status=429), "throttled", GrantState.ACTIVE),
        (RuntimeError(f"a bug that quotes {MARK}"), "uncertain", GrantState.UNCERTAIN),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
async def test_no_failure_but_invalid_grant_ends_a_grant(
    world: GrantWorld, upstream: RotatingUpstream, error: Exception, outcome: str, state: GrantState
) -> None:
    grant = expired_grant(world, upstream)
    before = world.tokens(grant)
    upstream.script.append(error)
    with capture_logs() as lines:
        answer = await ask(world, grant)
    assert answer.status is AnswerStatus.PENDING
    row = world.row(grant)
    assert (row.state, row.last_error, row.generation) == (state, outcome, 1)
    assert (row.leased_until, row.sent_at) == (None, None)
    assert world.tokens(grant) == before
    assert 0 < wait_of(row) <= 7
    assert world.outcomes() == {outcome: 1}
    assert (len(audited(world)), len(mails(world)), len(world.heard.events)) == (0, 0, 0)
    assert MARK not in str(lines)
    await recovers(world, grant)


@pytest.mark.parametrize(
    ("error", "is_up", "is_paused"),
    [
        (FailedError(status=500), 0, True),
        (UnreachableError(Arrival.NOT_SENT), 0, True),
        (MisconfiguredError(status=403), 0, True),
        (ThrottledError(30, status=429), 1, True),
        (InvalidGrantError(status=400), 1, False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
async def test_what_a_failure_says_of_the_provider(
    world: GrantWorld,
    upstream: RotatingUpstream,
    error: Exception,
    is_up: int,
    *,
    is_paused: bool,
) -> None:
    """A paused provider gets no request for any other grant."""
    grant, other = expired_grant(world, upstream), expired_grant(world, upstream)
    upstream.script.append(error)
    await ask(world, grant)
    answer = await ask(world, other)
    assert world.metric("doorward_upstream_up") == is_up
    assert len(upstream.requests) == (1 if is_paused else 2)
    assert answer.status is (AnswerStatus.PENDING if is_paused else AnswerStatus.FRESH)
    assert world.row(other).attempts == 0


async def test_the_pause_of_a_grant_doubles(world: GrantWorld, upstream: RotatingUpstream) -> None:
    grant = expired_grant(world, upstream)
    for longest in (5, 10, 20, 40):
        upstream.script.append(FailedError(status=500))
        await ask(world, grant)
        assert longest / 2 - 1 <= wait_of(world.row(grant)) <= longest
        world.provider.gate.record_answer()
        world.pass_time(grant, longest)


async def test_a_grant_waits_as_long_as_a_429_says(world: GrantWorld, upstream: RotatingUpstream) -> None:
    grant = expired_grant(world, upstream)
    upstream.script.append(ThrottledError(600, status=429))
    await ask(world, grant)
    assert 598 <= wait_of(world.row(grant)) <= 600
    assert 58 <= world.provider.gate.remaining_pause() <= 60
    world.provider.gate._resume_at = 0.0
    assert (await ask(world, grant)).retry_after > 590
    assert len(upstream.requests) == 1


async def test_invalid_grant_ends_a_grant_with_mail_audit_and_event(
    world: GrantWorld, upstream: RotatingUpstream
) -> None:
    session = world.open_session()
    grant = world.store(upstream.issue(), session)
    world.expire(grant)
    upstream.script.append(InvalidGrantError(status=400))
    await ask(world, grant)
    details = {"grant_id": str(grant), "provider": "theapi", "reason": "invalid_grant"}
    assert audited(world) == [("auth:upstream_grant:ended", details)]
    assert mails(world) == [("upstream_reauth", session.user.email)]
    assert world.outcomes() == {"invalid_grant": 1}


async def test_of_several_grants_of_a_user_the_last_end_is_mailed(
    world: GrantWorld, upstream: RotatingUpstream
) -> None:
    session = world.open_session()
    grants = [world.store(upstream.issue(), world.open_session(session.user)) for _ in range(3)]
    for grant, count in zip(grants, (0, 0, 1), strict=True):
        world.expire(grant)
        upstream.script.append(InvalidGrantError(status=400))
        await ask(world, grant)
        assert len(mails(world)) == count
    assert len(world.heard.events) == 3


@pytest.mark.parametrize("is_reusable", [False, True])
async def test_an_answer_that_is_too_late_is_lost_only_if_the_upstream_rotated(
    world: GrantWorld, upstream: RotatingUpstream, adapter: DirectAdapter, *, is_reusable: bool
) -> None:
    """The upstream acts, and its answer comes after the deadline."""
    upstream.is_reusable = is_reusable
    object.__setattr__(world.provider, "policy", RefreshPolicy(deadline_seconds=0.05))
    grant = expired_grant(world, upstream)
    adapter.after = asyncio.Event().wait
    await ask(world, grant)
    row = world.row(grant)
    assert row.state == (GrantState.ACTIVE if is_reusable else GrantState.UNCERTAIN)
    assert world.outcomes() == {"uncertain": 1}
    adapter.after = None
    world.provider.gate.record_answer()
    world.pass_time(grant, 10)
    answer = await ask(world, grant)
    if is_reusable:
        assert answer.status is AnswerStatus.FRESH
        return
    assert answer.status is AnswerStatus.REAUTH_REQUIRED
    assert [action for action, _ in audited(world)] == ["auth:upstream_grant:lost"]
    assert world.outcomes() == {"uncertain": 1, "lost": 1}
    assert isinstance(world.heard.events[0], ReauthRequired)
    assert world.heard.events[0].reason is EndReason.LOST


async def test_while_the_upstream_does_not_answer_a_grant_stays_uncertain(
    world: GrantWorld, upstream: RotatingUpstream
) -> None:
    """No answer is no judgement: a slow hour must not log everybody out."""
    grant = expired_grant(world, upstream)
    steps = [UnreachableError(Arrival.UNKNOWN), FailedError(status=502), UnreachableError(Arrival.NOT_SENT)]
    for error in steps * 2:
        upstream.script.append(error)
        await ask(world, grant)
        assert world.row(grant).state == GrantState.UNCERTAIN
        world.provider.gate.record_answer()
        world.pass_time(grant, 3_600)
    await recovers(world, grant)


async def test_a_refresh_token_that_has_expired_is_not_sent(
    world: GrantWorld, upstream: RotatingUpstream
) -> None:
    grant = expired_grant(world, upstream, expires_in=3_600, refresh_expires_in=3_600)
    assert (await ask(world, grant)).status is AnswerStatus.REAUTH_REQUIRED
    assert upstream.requests == []
    assert world.outcomes() == {"expired": 1}
    assert [details["reason"] for _, details in audited(world)] == ["expired"]
    assert len(mails(world)) == 1


async def test_lifetimes_that_say_nothing_or_everything_are_stored(
    world: GrantWorld, upstream: RotatingUpstream
) -> None:
    for expires_in, most in ((None, 300), (-5, 300), (10**30, 3_660 * 86_400)):
        grant = expired_grant(world, upstream)
        lifetimes = {"expires_in": expires_in, "refresh_expires_in": expires_in}
        upstream.script.append(partial(replace, **lifetimes, scope="s" * 5_000))
        answer = await ask(world, grant)
        assert answer.status is AnswerStatus.FRESH
        assert answer.expires_in is not None
        assert most - 5 <= answer.expires_in <= most
        assert len(world.row(grant).scope) == 1_000
        assert upstream.is_valid(world.tokens(grant).refresh_token)
