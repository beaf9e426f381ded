"""A session with several upstreams, a user with several sessions at one, several who lease a grant."""

import asyncio
import uuid
from types import SimpleNamespace
from typing import Any, cast

import pytest
import sqlalchemy as sa

from doorward_auth.tokens.refresh_hook import UpstreamState
from doorward_auth.upstream import identities
from doorward_auth.upstream.errors import UpstreamReauthenticationRequiredError
from doorward_auth.upstream.grants.leases import lease_one
from doorward_auth.upstream.grants.models import GrantRow
from doorward_auth.upstream.grants.provider import Provider, Providers
from doorward_auth.upstream.grants.service import AnswerStatus, GrantAnswer, GrantService
from doorward_auth.upstream.links.service import UpstreamLinkService
from doorward_auth.upstream.session_refresh import SessionRefresh
from doorward_auth.upstream.token_revocation import UpstreamTokenRevocation
from doorward_auth.upstream_adapters.base import UpstreamTokens
from doorward_client.tokens import Claims
from doorward_identity.tables import sessions, upstream_grants
from integration.upstream.grant_setup import PROVIDER, GrantSetup, Session
from integration.upstream.rotating_upstream import DirectAdapter, RotatingUpstream


def store_at(
    grant_setup: GrantSetup, provider: Provider, upstream: RotatingUpstream, session: Session
) -> uuid.UUID:
    """Store a grant of another provider than that of `grant_setup`."""
    mine, grant_setup.provider = grant_setup.provider, provider
    try:
        return grant_setup.store(upstream.issue(), session)
    finally:
        grant_setup.provider = mine


def session_refresh(grant_setup: GrantSetup, service: object, *providers: Provider) -> SessionRefresh:
    return SessionRefresh(
        grant_setup.resources, Providers.of(providers), cast("GrantService", service), token_seconds=300
    )


async def test_a_bound_session_also_ends_with_a_grant_of_a_removed_upstream(
    grant_setup: GrantSetup, upstream: RotatingUpstream, adapter: DirectAdapter
) -> None:
    session = grant_setup.open_session()
    removed = Provider("removed", adapter)
    store_at(grant_setup, removed, upstream, session)
    grant = grant_setup.store(upstream.issue(), session)
    grant_setup.expire(grant)
    upstream.is_reusable = False
    upstream._valid.clear()
    bound = Provider(PROVIDER, adapter, binds_sessions=True)
    refreshes = session_refresh(grant_setup, grant_setup.grants.service, bound)
    with pytest.raises(UpstreamReauthenticationRequiredError):
        await refreshes.on_refresh(session.id)
    [(ended_at,)] = grant_setup.execute(sa.select(sessions.c.ended_at).where(sessions.c.id == session.id))
    assert ended_at is not None


async def test_the_grants_of_a_session_are_refreshed_at_once(
    grant_setup: GrantSetup, upstream: RotatingUpstream, adapter: DirectAdapter
) -> None:
    """One after the other, a session with many upstreams would wait for the sum of their budgets."""
    session = grant_setup.open_session()
    second = Provider("second", adapter)
    store_at(grant_setup, second, upstream, session)
    grant_setup.store(upstream.issue(), session)
    both = asyncio.Barrier(2)

    async def ensure_fresh(_row: GrantRow, **_: float) -> GrantAnswer:
        await asyncio.wait_for(both.wait(), 9)
        return GrantAnswer(AnswerStatus.FRESH)

    refreshes = session_refresh(
        grant_setup, SimpleNamespace(ensure_fresh=ensure_fresh), grant_setup.provider, second
    )
    assert await refreshes.on_refresh(session.id) is UpstreamState.FRESH


async def unlink(grant_setup: GrantSetup, session: Session) -> None:
    providers = Providers.of([grant_setup.provider])
    unused: Any = None
    links = UpstreamLinkService(
        grant_setup.resources,
        providers,
        unused,
        unused,
        grant_setup.grants.service,
        UpstreamTokenRevocation(grant_setup.resources.database, unused, grant_setup.grants.outbox),
        unused,
        token_seconds=300,
    )
    await links.unlink(Claims(session.user.id, session.id, "token", "user", 0, 0, 300, frozenset()), PROVIDER)
    await grant_setup.deliver()


def link(grant_setup: GrantSetup, session: Session) -> None:
    with grant_setup.transaction() as connection:
        assert identities.link(connection, session.user.id, PROVIDER, "subject", None)


async def test_unlinking_revokes_the_grants_of_all_sessions_at_once(
    grant_setup: GrantSetup,
    upstream: RotatingUpstream,
    adapter: DirectAdapter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One after the other, a slow upstream would hold them up for its deadline times the sessions."""
    session = grant_setup.open_session()
    link(grant_setup, session)
    grant_setup.store(upstream.issue(), session)
    grant_setup.store(upstream.issue(), grant_setup.open_session(session.user))
    both = asyncio.Barrier(2)

    async def revoke(tokens: UpstreamTokens) -> None:
        await asyncio.wait_for(both.wait(), 9)
        upstream.revoked.append(tokens)

    monkeypatch.setattr(adapter, "revoke", revoke)
    await unlink(grant_setup, session)
    assert len(upstream.revoked) == 2


@pytest.mark.databases("mariadb")
async def test_unlinking_revokes_what_a_refresh_has_just_stored(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    session = grant_setup.open_session()
    link(grant_setup, session)
    grant = grant_setup.store(upstream.issue(), session)
    newer = upstream.issue()
    row = grant_setup.row(grant)
    sealed = grant_setup.sealing.seal(grant, row.provider, newer)

    def refresh(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "FOR UPDATE" in statement and "upstream_grants" in statement:
            stored = upstream_grants.update().where(upstream_grants.c.id == grant)
            grant_setup.execute(stored.values(access_token=sealed.access, refresh_token=sealed.refresh))

    sa.event.listen(grant_setup.resources.database.engine, "before_cursor_execute", refresh)
    await unlink(grant_setup, session)
    assert [tokens.refresh_token for tokens in upstream.revoked] == [newer.refresh_token]


def test_of_those_who_read_a_grant_as_free_one_leases_it(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    grant = grant_setup.store(upstream.issue(), grant_setup.open_session())
    grant_setup.expire(grant)
    read = grant_setup.row(grant)

    def lease() -> bool:
        with grant_setup.engine.connect() as connection:
            return lease_one(connection, read, uuid.uuid4(), 30.0)

    assert [lease() for _ in range(3)] == [True, False, False]
    grant_setup.pass_time(grant, 31)
    assert [lease() for _ in range(3)] == [True, False, False], "a lease that is over"
