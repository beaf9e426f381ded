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
from integration.upstream.grant_setup import GrantSetup
from integration.upstream.rotating_upstream import MARK, DirectAdapter, RotatingUpstream

pytestmark = pytest.mark.databases("sqlite")

BUDGET = 30.0


def expired_grant(grant_setup: GrantSetup, upstream: RotatingUpstream, **changes: Any) -> Any:
    grant = grant_setup.store(upstream.issue(**changes), grant_setup.open_session())
    grant_setup.expire(grant)
    return grant


async def ask(grant_setup: GrantSetup, grant: Any) -> GrantAnswer:
    return await grant_setup.ensure_fresh(grant, budget=BUDGET)


def wait_of(row: GrantRow) -> float:
    assert row.due_at is not None
    return (row.due_at - row.now).total_seconds()


def audited(grant_setup: GrantSetup) -> list[tuple[str, dict[str, Any]]]:
    rows = grant_setup.execute(sa.text("SELECT action, details FROM audit_events ORDER BY id"))
    return [(row.action, json.loads(row.details)) for row in rows]


def mails(grant_setup: GrantSetup) -> list[tuple[str, str]]:
    rows = grant_setup.execute(sa.text("SELECT template, recipient FROM outbox"))
    return [(row.template, row.recipient) for row in rows]


async def recovers(grant_setup: GrantSetup, grant: Any) -> None:
    """Check that a later attempt succeeds with what is stored."""
    grant_setup.provider.gate.record_answer()
    grant_setup.provider.gate._resume_at = 0.0
    grant_setup.pass_time(grant, 3_600)
    assert (await ask(grant_setup, grant)).status is AnswerStatus.FRESH
    assert grant_setup.row(grant).state == GrantState.ACTIVE


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
    grant_setup: GrantSetup, upstream: RotatingUpstream, error: Exception, outcome: str, state: GrantState
) -> None:
    grant = expired_grant(grant_setup, upstream)
    before = grant_setup.tokens(grant)
    upstream.script.append(error)
    with capture_logs() as lines:
        answer = await ask(grant_setup, grant)
    assert answer.status is AnswerStatus.PENDING
    row = grant_setup.row(grant)
    assert (row.state, row.last_error, row.generation) == (state, outcome, 1)
    assert (row.leased_until, row.sent_at) == (None, None)
    assert grant_setup.tokens(grant) == before
    assert 0 < wait_of(row) <= 7
    assert grant_setup.outcomes() == {outcome: 1}
    assert (len(audited(grant_setup)), len(mails(grant_setup)), len(grant_setup.received.events)) == (0, 0, 0)
    assert MARK not in str(lines)
    await recovers(grant_setup, grant)


@pytest.mark.parametrize(
    "error",
    [
        FailedError(status=500),
        MalformedAnswerError(status=200),
        MisconfiguredError(status=401),
        ThrottledError(7, status=429),
        UnreachableError(Arrival.NOT_SENT),
        UnreachableError(Arrival.UNKNOWN),
    ],
    ids=str,
)
async def test_the_old_access_token_is_used_until_it_ends(
    grant_setup: GrantSetup, upstream: RotatingUpstream, error: Exception
) -> None:
    tokens = upstream.issue()
    grant = grant_setup.store(tokens, grant_setup.open_session())
    grant_setup.expire_in(grant, seconds=50)
    upstream.script.append(error)
    answer = await ask(grant_setup, grant)
    assert (answer.status, answer.access_token) == (AnswerStatus.PENDING, tokens.access_token)
    assert answer.expires_in is not None
    assert 0 < answer.expires_in <= 50
    grant_setup.pass_time(grant, 51)
    later = await ask(grant_setup, grant)
    assert later.access_token != tokens.access_token
    assert len(upstream.requests) <= 2


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
    grant_setup: GrantSetup,
    upstream: RotatingUpstream,
    error: Exception,
    is_up: int,
    *,
    is_paused: bool,
) -> None:
    """A paused provider gets no request for any other grant."""
    grant, other = expired_grant(grant_setup, upstream), expired_grant(grant_setup, upstream)
    upstream.script.append(error)
    await ask(grant_setup, grant)
    answer = await ask(grant_setup, other)
    assert grant_setup.metric("doorward_upstream_up") == is_up
    assert len(upstream.requests) == (1 if is_paused else 2)
    assert answer.status is (AnswerStatus.PENDING if is_paused else AnswerStatus.FRESH)
    assert grant_setup.row(other).attempts == 0


async def test_the_pause_of_a_grant_doubles(grant_setup: GrantSetup, upstream: RotatingUpstream) -> None:
    grant = expired_grant(grant_setup, upstream)
    for longest in (5, 10, 20, 40):
        upstream.script.append(FailedError(status=500))
        await ask(grant_setup, grant)
        assert longest / 2 - 1 <= wait_of(grant_setup.row(grant)) <= longest
        grant_setup.provider.gate.record_answer()
        grant_setup.pass_time(grant, longest)


async def test_a_grant_waits_as_long_as_a_429_says(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    grant = expired_grant(grant_setup, upstream)
    upstream.script.append(ThrottledError(600, status=429))
    await ask(grant_setup, grant)
    assert 598 <= wait_of(grant_setup.row(grant)) <= 600
    assert 58 <= grant_setup.provider.gate.remaining_pause() <= 60
    grant_setup.provider.gate._resume_at = 0.0
    assert (await ask(grant_setup, grant)).retry_after > 590
    assert len(upstream.requests) == 1


async def test_invalid_grant_ends_a_grant_with_mail_audit_and_event(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    session = grant_setup.open_session()
    grant = grant_setup.store(upstream.issue(), session)
    grant_setup.expire(grant)
    upstream.script.append(InvalidGrantError(status=400))
    await ask(grant_setup, grant)
    details = {"grant_id": str(grant), "provider": "theapi", "reason": "invalid_grant"}
    assert audited(grant_setup) == [("auth:upstream_grant:ended", details)]
    assert mails(grant_setup) == [("upstream_reauth", session.user.email)]
    assert grant_setup.outcomes() == {"invalid_grant": 1}


async def test_of_several_grants_of_a_user_the_last_end_is_mailed(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    session = grant_setup.open_session()
    grants = [grant_setup.store(upstream.issue(), grant_setup.open_session(session.user)) for _ in range(3)]
    for grant, count in zip(grants, (0, 0, 1), strict=True):
        grant_setup.expire(grant)
        upstream.script.append(InvalidGrantError(status=400))
        await ask(grant_setup, grant)
        assert len(mails(grant_setup)) == count
    assert len(grant_setup.received.events) == 3


@pytest.mark.parametrize("is_reusable", [False, True])
async def test_an_answer_that_is_too_late_is_lost_only_if_the_upstream_rotated(
    grant_setup: GrantSetup, upstream: RotatingUpstream, adapter: DirectAdapter, *, is_reusable: bool
) -> None:
    """The upstream acts, and its answer comes after the deadline."""
    upstream.is_reusable = is_reusable
    object.__setattr__(grant_setup.provider, "policy", RefreshPolicy(deadline_seconds=0.5))
    grant = expired_grant(grant_setup, upstream)
    adapter.after = asyncio.Event().wait
    await ask(grant_setup, grant)
    row = grant_setup.row(grant)
    assert row.state == (GrantState.ACTIVE if is_reusable else GrantState.UNCERTAIN)
    assert grant_setup.outcomes() == {"uncertain": 1}
    adapter.after = None
    grant_setup.provider.gate.record_answer()
    grant_setup.pass_time(grant, 10)
    answer = await ask(grant_setup, grant)
    if is_reusable:
        assert answer.status is AnswerStatus.FRESH
        return
    assert answer.status is AnswerStatus.REAUTH_REQUIRED
    assert [action for action, _ in audited(grant_setup)] == ["auth:upstream_grant:lost"]
    assert grant_setup.outcomes() == {"uncertain": 1, "lost": 1}
    assert isinstance(grant_setup.received.events[0], ReauthRequired)
    assert grant_setup.received.events[0].reason is EndReason.LOST


async def test_while_the_upstream_does_not_answer_a_grant_stays_uncertain(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    """A missing answer proves nothing: a slow hour must not log out all users."""
    grant = expired_grant(grant_setup, upstream)
    steps = [UnreachableError(Arrival.UNKNOWN), FailedError(status=502), UnreachableError(Arrival.NOT_SENT)]
    for error in steps * 2:
        upstream.script.append(error)
        await ask(grant_setup, grant)
        assert grant_setup.row(grant).state == GrantState.UNCERTAIN
        grant_setup.provider.gate.record_answer()
        grant_setup.pass_time(grant, 3_600)
    await recovers(grant_setup, grant)


async def test_a_refresh_token_that_has_expired_is_not_sent(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    grant = expired_grant(grant_setup, upstream, expires_in=3_600, refresh_expires_in=3_600)
    assert (await ask(grant_setup, grant)).status is AnswerStatus.REAUTH_REQUIRED
    assert upstream.requests == []
    assert grant_setup.outcomes() == {"expired": 1}
    assert [details["reason"] for _, details in audited(grant_setup)] == ["expired"]
    assert len(mails(grant_setup)) == 1


async def test_lifetimes_that_say_nothing_or_everything_are_stored(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    for expires_in, most in ((None, 300), (-5, 300), (10**30, 3_660 * 86_400)):
        grant = expired_grant(grant_setup, upstream)
        lifetimes = {"expires_in": expires_in, "refresh_expires_in": expires_in}
        upstream.script.append(partial(replace, **lifetimes, scope="s" * 5_000))
        answer = await ask(grant_setup, grant)
        assert answer.status is AnswerStatus.FRESH
        assert answer.expires_in is not None
        assert most - 5 <= answer.expires_in <= most
        assert len(grant_setup.row(grant).scope) == 1_000
        assert upstream.is_valid(grant_setup.tokens(grant).refresh_token)
