"""A refresh that brings a new refresh token and no usable access token: the new one must not be lost."""

from dataclasses import replace
from datetime import timedelta

import pytest

from doorward_auth.upstream.grants.models import GrantState
from doorward_auth.upstream.grants.service import AnswerStatus
from doorward_auth.upstream_adapters.base import FailedError, UpstreamTokens
from doorward_identity.accounts import SessionEnd
from doorward_identity.sessions import end_session
from integration.upstream.grant_setup import GrantSetup
from integration.upstream.rotating_upstream import DirectAdapter, RotatingUpstream

pytestmark = pytest.mark.databases("sqlite")

BUDGET = 30.0


def without_access(tokens: UpstreamTokens) -> UpstreamTokens:
    return replace(tokens, access_token="", expires_in=None)


async def test_it_is_stored_and_the_next_attempt_uses_it(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    grant = grant_setup.store(upstream.issue(), grant_setup.open_session())
    before = grant_setup.tokens(grant)
    grant_setup.expire(grant)
    upstream.script.append(without_access)
    answer = await grant_setup.ensure_fresh(grant, budget=BUDGET)
    assert (answer.status, answer.access_token) == (AnswerStatus.PENDING, None)
    assert 1 < answer.retry_after <= 7, "not before the pause after a failure"
    row, stored = grant_setup.row(grant), grant_setup.tokens(grant)
    assert (row.state, row.last_error, row.generation, row.attempts) == (GrantState.ACTIVE, "malformed", 2, 1)
    assert (row.leased_until, row.sent_at) == (None, None)
    assert upstream.is_valid(stored.refresh_token)
    assert (stored.access_token, stored.id_token) == (before.access_token, before.id_token)
    assert grant_setup.outcomes() == {"malformed": 1}
    grant_setup.provider.gate.record_answer()
    grant_setup.pass_time(grant, 60)
    assert (await grant_setup.ensure_fresh(grant, budget=BUDGET)).status is AnswerStatus.FRESH
    assert upstream.requests == [before.refresh_token, stored.refresh_token]


async def test_an_access_token_that_is_still_valid_is_used_meanwhile(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    grant = grant_setup.store(upstream.issue(expires_in=600), grant_setup.open_session())
    before = grant_setup.tokens(grant)
    grant_setup.pass_time(grant, 400)
    upstream.script.append(without_access)
    answer = await grant_setup.ensure_fresh(grant, budget=BUDGET, min_validity=300)
    assert answer.access_token == before.access_token


async def test_the_pause_grows_with_each_such_answer(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    grant = grant_setup.store(upstream.issue(), grant_setup.open_session())
    grant_setup.expire(grant)
    waits = []
    for _ in range(3):
        upstream.script.append(without_access)
        await grant_setup.ensure_fresh(grant, budget=BUDGET)
        row = grant_setup.row(grant)
        assert row.due_at is not None
        waits.append(row.due_at - row.now)
        grant_setup.provider.gate.record_answer()
        grant_setup.pass_time(grant, 60)
    assert waits[0] < timedelta(seconds=7) < waits[2]


async def test_its_own_expiry_counts(grant_setup: GrantSetup, upstream: RotatingUpstream) -> None:
    upstream.refresh_expires_in = 100_000
    grant = grant_setup.store(upstream.issue(), grant_setup.open_session())
    grant_setup.expire(grant)
    before = grant_setup.row(grant)
    upstream.script.append(lambda tokens: replace(without_access(tokens), refresh_expires_in=500_000))
    await grant_setup.ensure_fresh(grant, budget=BUDGET)
    row = grant_setup.row(grant)
    assert before.refresh_expires_at is not None
    assert row.refresh_expires_at is not None
    assert row.refresh_expires_at > before.refresh_expires_at + timedelta(seconds=300_000)
    assert row.reauth_at is not None
    assert row.reauth_at > before.refresh_expires_at


async def test_after_the_end_of_its_session_it_is_revoked(
    grant_setup: GrantSetup, upstream: RotatingUpstream, adapter: DirectAdapter
) -> None:
    session = grant_setup.open_session()
    grant = grant_setup.store(upstream.issue(), session)
    grant_setup.expire(grant)

    def log_out() -> None:
        with grant_setup.transaction() as connection:
            end_session(connection, session.id, SessionEnd.LOGOUT, token_seconds=300)

    adapter.after = log_out
    upstream.script.append(without_access)
    answer = await grant_setup.ensure_fresh(grant, budget=BUDGET)
    assert answer.status is AnswerStatus.MISSING
    assert grant_setup.row(grant).state == GrantState.ENDED
    await grant_setup.deliver()
    sent, new = sorted(upstream.revoked, key=lambda tokens: upstream.is_valid(tokens.refresh_token))
    assert not upstream.is_valid(sent.refresh_token)
    assert upstream.is_valid(new.refresh_token), "the one that the partial answer brought"


@pytest.mark.parametrize("times", [1, 2])
async def test_a_later_failure_takes_nothing_away(
    grant_setup: GrantSetup, upstream: RotatingUpstream, times: int
) -> None:
    grant = grant_setup.store(upstream.issue(), grant_setup.open_session())
    grant_setup.expire(grant)
    upstream.script.extend([without_access] * times)
    upstream.script.append(FailedError(status=500))
    for _ in range(times + 1):
        await grant_setup.ensure_fresh(grant, budget=BUDGET)
        grant_setup.provider.gate.record_answer()
        grant_setup.pass_time(grant, 60)
    assert upstream.is_valid(grant_setup.tokens(grant).refresh_token)
    assert grant_setup.row(grant).state == GrantState.ACTIVE
