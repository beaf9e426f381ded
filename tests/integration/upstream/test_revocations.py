"""Tokens that Doorward no longer uses are revoked at the upstream, or given up after a time."""

import uuid
from datetime import timedelta

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from doorward_auth.sessions import repository as sessions_repository
from doorward_auth.upstream.grants import endings, leases
from doorward_auth.upstream.grants.models import EndReason, GrantState, LeasedGrant
from doorward_auth.upstream_adapters.base import (
    InvalidGrantError,
)
from doorward_identity.tables import sessions, upstream_grants, users
from doorward_identity.upstream_revocations import (
    LONGEST_SECONDS,
    UNKNOWN_SECONDS,
    revoke_grants_of_user,
)
from doorward_kit.column_types import utc_now
from integration.upstream.grant_setup import GrantSetup
from integration.upstream.revocation_rows import (
    change,
    counted,
    link,
    only,
    reject,
    rows,
    seconds_left,
    unlink,
)
from integration.upstream.rotating_upstream import RotatingUpstream

SLACK = 60
"""Seconds that a slow machine may take between two statements of a test."""


async def test_the_tokens_of_a_wiped_grant_are_revoked_once(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    session = grant_setup.open_session()
    tokens = upstream.issue()
    grant = grant_setup.store(tokens, session)
    unlink(grant_setup, session.user)
    assert grant_setup.row(grant).refresh_token is None
    for _ in range(2):
        await grant_setup.deliver()
    [revoked] = upstream.revoked
    assert (revoked.access_token, revoked.refresh_token) == (tokens.access_token, tokens.refresh_token)
    assert (rows(grant_setup), counted(grant_setup)) == ([], {"delivered": 1})


async def test_a_row_outlives_its_user(grant_setup: GrantSetup, upstream: RotatingUpstream) -> None:
    session = grant_setup.open_session()
    link(grant_setup, session.user, "subject")
    tokens = upstream.issue()
    grant_setup.store(tokens, session)
    with grant_setup.transaction() as connection:
        revoke_grants_of_user(connection, session.user.id)
        connection.execute(users.delete().where(users.c.id == session.user.id))
    assert grant_setup.execute(sa.select(upstream_grants.c.id)) == []
    await grant_setup.deliver()
    assert [one.refresh_token for one in upstream.revoked] == [tokens.refresh_token]


@pytest.mark.parametrize("ended", ["ended_at", "idle_expires_at"])
async def test_the_cleanup_of_sessions_loses_no_token(
    grant_setup: GrantSetup, upstream: RotatingUpstream, ended: str
) -> None:
    """A token that does not expire is never due. So the background does not find its session's expiry."""
    session, other = grant_setup.open_session(), grant_setup.open_session()
    tokens = upstream.issue(refresh_token=None, expires_in=None)
    grant_setup.store(tokens, session)
    grant_setup.store(upstream.issue(), other)
    grant_setup.execute(
        sessions.update().where(sessions.c.id == session.id).values({ended: utc_now(-8 * 86_400)})
    )
    with grant_setup.transaction() as connection:
        sessions_repository.delete_ended(connection, uuid.UUID(int=0), keep=timedelta(days=7), count=10)
    await grant_setup.deliver()
    assert [one.access_token for one in upstream.revoked] == [tokens.access_token]


@pytest.mark.parametrize("reason", [None, *EndReason])
async def test_tokens_that_may_still_be_valid_are_revoked_with_the_end_of_their_grant(
    grant_setup: GrantSetup, upstream: RotatingUpstream, reason: EndReason | None
) -> None:
    """A day before the refresh token expires the user is asked to log in again, and the tokens are wiped."""
    upstream.refresh_expires_in = 10 * 86_400
    grant = grant_setup.store(upstream.issue(), grant_setup.open_session())
    grant_setup.expire(grant)
    match reason:
        case EndReason.EXPIRED:
            past = upstream_grants.update().values(reauth_at=utc_now(-1))
            grant_setup.execute(past)
        case EndReason.INVALID_GRANT:
            upstream.script.append(InvalidGrantError(status=400))
        case EndReason.LOST:
            grant_setup.execute(upstream_grants.update().values(state=GrantState.UNCERTAIN.value))
            upstream.script.append(InvalidGrantError(status=400))
        case EndReason.UNREADABLE:
            grant_setup.execute(
                sa.text("UPDATE upstream_grants SET refresh_token = :value").bindparams(value=b"x")
            )
    await grant_setup.ensure_fresh(grant, budget=60.0)
    await grant_setup.deliver()
    assert grant_setup.row(grant).last_error == (None if reason is None else reason.value)
    assert len(upstream.revoked) == (reason is EndReason.EXPIRED)


async def test_an_expired_token_is_not_revoked(grant_setup: GrantSetup, upstream: RotatingUpstream) -> None:
    session = grant_setup.open_session()
    grant = grant_setup.store(upstream.issue(refresh_token=None), session)
    grant_setup.expire(grant)
    unlink(grant_setup, session.user)
    assert rows(grant_setup) == []


@pytest.mark.parametrize(
    ("lifetime", "seconds"),
    [(None, UNKNOWN_SECONDS), (1_000, 1_000), (10**8, LONGEST_SECONDS)],
    ids=["unknown", "known", "years"],
)
@pytest.mark.parametrize("is_stored", [True, False], ids=["grant", "login"])
def test_tokens_are_tried_until_they_expire(
    grant_setup: GrantSetup,
    upstream: RotatingUpstream,
    lifetime: int | None,
    seconds: int,
    *,
    is_stored: bool,
) -> None:
    upstream.refresh_expires_in = lifetime
    if is_stored:
        session = grant_setup.open_session()
        grant_setup.store(upstream.issue(), session)
        unlink(grant_setup, session.user)
    else:
        reject(grant_setup, upstream.issue())
    assert seconds - SLACK <= seconds_left(only(grant_setup)) <= seconds


async def test_what_is_not_delivered_in_time_is_given_up(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    for _ in range(2):
        reject(grant_setup, upstream.issue())
    over, kept = rows(grant_setup)
    change(grant_setup, over.id, expires_at=utc_now(-1))
    with capture_logs() as lines:
        assert await grant_setup.grants.revocations.give_up(count=10) == 1
        assert await grant_setup.grants.revocations.give_up(count=10) == 0
    [line] = [line for line in lines if line["event"] == "upstream.revocation_given_up"]
    assert (line["revocation"], line["reason"]) == (str(over.id), "expired")
    assert only(grant_setup).id == kept.id
    assert counted(grant_setup) == {"given_up": 1}


async def test_tokens_of_an_upstream_that_was_removed_wait_until_they_expire(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    """A process whose settings are older, or wrong for a while, must not delete them."""
    for _ in range(2):
        reject(grant_setup, upstream.issue())
    over, waiting = rows(grant_setup)
    long_ago = utc_now(-86_400)
    change(grant_setup, over.id, provider="removed", created_at=long_ago, expires_at=utc_now(-1))
    change(grant_setup, waiting.id, provider="removed", created_at=long_ago)
    with capture_logs() as lines:
        assert await grant_setup.grants.revocations.give_up(count=10) == 1
    [line] = [line for line in lines if line["event"] == "upstream.revocation_given_up"]
    assert (line["revocation"], line["provider"], line["reason"]) == (str(over.id), "removed", "expired")
    assert only(grant_setup).id == waiting.id


async def test_tokens_are_not_revoked_whose_account_is_in_use_again(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    """The upstream was unavailable. Some end every token of a user with one, also those of a new login."""
    session = grant_setup.open_session()
    link(grant_setup, session.user, "subject")
    grant_setup.store(upstream.issue(), session)
    reject(grant_setup, upstream.issue(), "of another user")
    unlink(grant_setup, session.user)
    assert {row.subject for row in rows(grant_setup)} == {"subject", "of another user"}
    grant_setup.store(upstream.issue(), grant_setup.open_session(session.user))
    await grant_setup.deliver()
    assert (len(upstream.revoked), rows(grant_setup)) == (1, [])
    assert counted(grant_setup) == {"delivered": 1, "superseded": 1}


def test_grants_that_end_together_are_all_revoked(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    """As after a logout everywhere: none of them is a reason to keep the tokens of another."""
    session = grant_setup.open_session()
    leased = []
    for opened in (session, grant_setup.open_session(session.user)):
        grant = grant_setup.store(upstream.issue(), opened)
        grant_setup.expire(grant)
        row, lease_id = grant_setup.row(grant), uuid.uuid4()
        with grant_setup.engine.connect() as connection:
            assert leases.lease_one(connection, row, lease_id, 60.0)
        leased.append(LeasedGrant(row, lease_id))
    for lease in leased:
        with grant_setup.transaction() as connection:
            endings._discard(connection, leased=lease, issued=None, outbox=grant_setup.grants.outbox)
    assert {row.grant_id for row in rows(grant_setup)} == {lease.row.id for lease in leased}
