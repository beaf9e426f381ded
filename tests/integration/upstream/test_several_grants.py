"""A session with several upstreams, a user with several sessions at one, several who lease a grant."""

import asyncio
import uuid
from types import SimpleNamespace
from typing import Any, cast

import pytest
import sqlalchemy as sa

from doorward_auth.tokens.companion import UpstreamState
from doorward_auth.upstream import identities
from doorward_auth.upstream.errors import UpstreamReauthenticationRequiredError
from doorward_auth.upstream.grants.leases import lease_one
from doorward_auth.upstream.grants.provider import Provider, Providers
from doorward_auth.upstream.grants.service import AnswerStatus, GrantAnswer, GrantService
from doorward_auth.upstream.links.service import UpstreamLinkService
from doorward_auth.upstream.session_refresh import SessionRefresh
from doorward_auth.upstream_adapters.base import UpstreamTokens
from doorward_client.tokens import Claims
from doorward_identity.tables import sessions, upstream_grants
from integration.upstream.grant_world import PROVIDER, GrantWorld, Session
from integration.upstream.rotating_upstream import DirectAdapter, RotatingUpstream


def store_at(
    world: GrantWorld, provider: Provider, upstream: RotatingUpstream, session: Session
) -> uuid.UUID:
    """Store a grant of another provider than the world's."""
    mine, world.provider = world.provider, provider
    try:
        return world.store(upstream.issue(), session)
    finally:
        world.provider = mine


def session_refresh(world: GrantWorld, service: object, *providers: Provider) -> SessionRefresh:
    return SessionRefresh(
        world.resources, Providers.of(providers), cast("GrantService", service), token_seconds=300
    )


async def test_a_bound_session_ends_also_beside_a_grant_of_an_upstream_that_was_removed(
    world: GrantWorld, upstream: RotatingUpstream, adapter: DirectAdapter
) -> None:
    session = world.open_session()
    removed = Provider("removed", adapter)
    store_at(world, removed, upstream, session)
    grant = world.store(upstream.issue(), session)
    world.expire(grant)
    upstream.is_reusable = False
    upstream._valid.clear()
    bound = Provider(PROVIDER, adapter, binds_sessions=True)
    refreshes = session_refresh(world, world.grants.service, bound)
    with pytest.raises(UpstreamReauthenticationRequiredError):
        await refreshes.refreshed(session.id)
    [(ended_at,)] = world.execute(sa.select(sessions.c.ended_at).where(sessions.c.id == session.id))
    assert ended_at is not None


async def test_the_grants_of_a_session_are_refreshed_at_once(
    world: GrantWorld, upstream: RotatingUpstream, adapter: DirectAdapter
) -> None:
    """One after the other, a session with many upstreams would wait for the sum of their budgets."""
    session = world.open_session()
    second = Provider("second", adapter)
    store_at(world, second, upstream, session)
    world.store(upstream.issue(), session)
    both = asyncio.Barrier(2)

    async def ensure_fresh(_grant: uuid.UUID, **_: float) -> GrantAnswer:
        await asyncio.wait_for(both.wait(), 9)
        return GrantAnswer(AnswerStatus.FRESH)

    refreshes = session_refresh(world, SimpleNamespace(ensure_fresh=ensure_fresh), world.provider, second)
    assert await refreshes.refreshed(session.id) is UpstreamState.FRESH


async def unlink(world: GrantWorld, session: Session) -> None:
    providers = Providers.of([world.provider])
    unused: Any = None
    links = UpstreamLinkService(world.resources, providers, unused, unused, world.grants.service)
    await links.unlink(Claims(session.user.id, session.id, "token", "user", 0, 0, 300, frozenset()), PROVIDER)


def link(world: GrantWorld, session: Session) -> None:
    with world.transaction() as connection:
        assert identities.link(connection, session.user.id, PROVIDER, "subject", None)


async def test_unlinking_revokes_the_grants_of_all_sessions_at_once(
    world: GrantWorld,
    upstream: RotatingUpstream,
    adapter: DirectAdapter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One after the other, a slow upstream would hold the caller for its deadline times the sessions."""
    session = world.open_session()
    link(world, session)
    world.store(upstream.issue(), session)
    world.store(upstream.issue(), world.open_session(session.user))
    both = asyncio.Barrier(2)

    async def revoke(tokens: UpstreamTokens) -> None:
        await asyncio.wait_for(both.wait(), 9)
        upstream.revoked.append(tokens)

    monkeypatch.setattr(adapter, "revoke", revoke)
    await unlink(world, session)
    assert len(upstream.revoked) == 2


@pytest.mark.databases("mariadb")
async def test_unlinking_revokes_what_a_refresh_has_just_stored(
    world: GrantWorld, upstream: RotatingUpstream
) -> None:
    session = world.open_session()
    link(world, session)
    grant = world.store(upstream.issue(), session)
    newer = upstream.issue()
    row = world.row(grant)
    sealed = world.sealing.seal(grant, row.provider, newer)

    def refresh(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "FOR UPDATE" in statement and "upstream_grants" in statement:
            stored = upstream_grants.update().where(upstream_grants.c.id == grant)
            world.execute(stored.values(access_token=sealed.access, refresh_token=sealed.refresh))

    sa.event.listen(world.resources.database.engine, "before_cursor_execute", refresh)
    await unlink(world, session)
    assert [one.refresh_token for one in upstream.revoked] == [newer.refresh_token]


def test_of_those_who_read_a_grant_as_free_one_leases_it(
    world: GrantWorld, upstream: RotatingUpstream
) -> None:
    grant = world.store(upstream.issue(), world.open_session())
    world.expire(grant)
    read = world.row(grant)

    def lease() -> bool:
        with world.engine.connect() as connection:
            return lease_one(connection, read, uuid.uuid4(), 30.0)

    assert [lease() for _ in range(3)] == [True, False, False]
    world.pass_time(grant, 31)
    assert [lease() for _ in range(3)] == [True, False, False], "a lease that is over"
