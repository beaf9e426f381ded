"""The background of refreshes, over a database of tests."""

import uuid
from contextlib import AbstractAsyncContextManager
from typing import Final

import sqlalchemy as sa

from doorward_auth.upstream.grants.provider import Provider, Providers
from doorward_auth.upstream.refresher import GrantRefresher
from doorward_kit.shutdown import Shutdown
from integration.harness import workers
from integration.upstream.grant_setup import GrantSetup, Session
from integration.upstream.rotating_upstream import RotatingUpstream

POLL_SECONDS: Final = 0.05


def refresher(grant_setup: GrantSetup, *more: Provider, stopping: bool = False) -> GrantRefresher:
    service = grant_setup.grants.service
    return GrantRefresher(
        service._database,
        service._attempts,
        Providers.of([grant_setup.provider, *more]),
        grant_setup.grants.metrics,
        shutdown=Shutdown(is_draining=stopping),
        poll_seconds=POLL_SECONDS,
    )


def running(*worlds: GrantSetup) -> AbstractAsyncContextManager[None]:
    return workers.running(*map(refresher, worlds))


def due(grant_setup: GrantSetup, upstream: RotatingUpstream, session: Session | None = None) -> uuid.UUID:
    grant = grant_setup.store(upstream.issue(), session or grant_setup.open_session())
    grant_setup.pass_time(grant, 3_000)  # due, and valid for ten minutes more
    return grant


def left_due(grant_setup: GrantSetup) -> int:
    rows = grant_setup.execute(sa.text("SELECT COUNT(*) FROM upstream_grants WHERE generation = 1"))
    count: int = rows[0][0]
    return count
