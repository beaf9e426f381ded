"""However many processes ask, one request is sent; killed and frozen ones do no harm."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from doorward_auth.upstream.grants import leases
from doorward_auth.upstream.grants.models import GrantState
from doorward_auth.upstream.grants.service import AnswerStatus
from integration.upstream.grant_setup import LEASE_SECONDS, GrantSetup
from integration.upstream.processes import Asking, reports, wait_until_asking
from integration.upstream.rotating_upstream import RotatingUpstream, SocketAdapter, UpstreamServer

pytestmark = pytest.mark.databases("mariadb")

BUDGET = 60.0


@pytest.fixture
def grant_setup(
    grant_urls: Callable[[str], str], backend: str, keys: Path, server: UpstreamServer
) -> Iterator[GrantSetup]:
    """This process, which reaches the upstream as the others do."""
    grant_setup = GrantSetup(grant_urls(backend), keys, SocketAdapter(server.port))
    grant_setup.wipe()
    yield grant_setup
    grant_setup.close()


@pytest.fixture
def asking(grant_setup: GrantSetup, keys: Path, server: UpstreamServer, tmp_path: Path) -> Asking:
    return Asking(grant_setup.url, keys, server.port, tmp_path)


def test_twenty_one_callers_in_three_processes_cause_one_request(
    grant_setup: GrantSetup, upstream: RotatingUpstream, server: UpstreamServer, asking: Asking
) -> None:
    grant = grant_setup.store(upstream.issue(), grant_setup.open_session())
    grant_setup.expire(grant)
    server.hold.clear()
    with asking.process(grant, processes=3, calls=7) as process:
        wait_until_asking(process, 3)
        assert server.acted.acquire(timeout=60)
        assert not server.acted.acquire(timeout=0.5), "a second request was sent"
        server.hold.set()
        answers = [answer for report in reports(process, 3) for answer in report["answers"]]
    assert len(upstream.requests) == 1
    stored = grant_setup.tokens(grant).access_token
    assert [(status, token) for status, token, _ in answers] == [("fresh", stored)] * 21
    assert grant_setup.row(grant).generation == 2


async def test_a_process_killed_before_it_has_sent_anything_loses_nothing(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    """It leaves a lease, which does not tell whether the refresh token was sent."""
    grant = grant_setup.store(upstream.issue(), grant_setup.open_session())
    grant_setup.expire(grant)
    with grant_setup.transaction() as connection:
        row = grant_setup.row(grant)
        assert leases.lease_one(connection, row, uuid.uuid4(), seconds=LEASE_SECONDS)
    waiting = await grant_setup.ensure_fresh(grant, budget=0.2)
    assert (waiting.status, upstream.requests) == (AnswerStatus.PENDING, [])
    await grant_setup.grants.service.drain(0.0)
    grant_setup.pass_time(grant, LEASE_SECONDS + 1)
    answer = await grant_setup.ensure_fresh(grant, budget=BUDGET)
    assert (answer.status, grant_setup.row(grant).state) == (AnswerStatus.FRESH, GrantState.ACTIVE)
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("is_reusable", [False, True])
async def test_a_process_killed_between_sending_and_storing_loses_what_the_protocol_loses(
    grant_setup: GrantSetup,
    upstream: RotatingUpstream,
    server: UpstreamServer,
    asking: Asking,
    *,
    is_reusable: bool,
) -> None:
    upstream.is_reusable = is_reusable
    grant_setup.provider.adapter._is_reusable = is_reusable  # type: ignore[attr-defined]  # of the fake
    grant = grant_setup.store(upstream.issue(), grant_setup.open_session())
    grant_setup.expire(grant)
    server.hold.clear()
    with asking.process(grant, is_reusable=is_reusable) as process:
        assert server.acted.acquire(timeout=60)
        process.kill9()
    server.hold.set()
    row = grant_setup.row(grant)
    assert (row.state, row.is_leased, row.generation) == (GrantState.ACTIVE, True, 1)
    waiting = await grant_setup.ensure_fresh(grant, budget=0.2)
    assert (waiting.status, len(upstream.requests)) == (AnswerStatus.PENDING, 1), "its answer may still come"
    await grant_setup.grants.service.drain(0.0)
    grant_setup.pass_time(grant, LEASE_SECONDS)
    answer = await grant_setup.ensure_fresh(grant, budget=BUDGET)
    assert len(upstream.requests) == 2
    if is_reusable:
        assert (answer.status, grant_setup.row(grant).state) == (AnswerStatus.FRESH, GrantState.ACTIVE)
    else:
        assert (answer.status, grant_setup.row(grant).last_error) == (AnswerStatus.REAUTH_REQUIRED, "lost")


async def test_a_process_frozen_through_its_lease_stores_nothing(
    grant_setup: GrantSetup, upstream: RotatingUpstream, server: UpstreamServer, asking: Asking
) -> None:
    upstream.is_reusable = True
    grant = grant_setup.store(upstream.issue(), grant_setup.open_session())
    grant_setup.expire(grant)
    server.hold.clear()
    with asking.process(grant) as process:
        assert server.acted.acquire(timeout=60)
        process.freeze()
        server.hold.set()
        grant_setup.pass_time(grant, LEASE_SECONDS)
        answer = await grant_setup.ensure_fresh(grant, budget=BUDGET)
        assert answer.status is AnswerStatus.FRESH
        stored = grant_setup.tokens(grant)
        assert upstream.is_valid(stored.refresh_token)
        process.thaw()
        [report] = reports(process)
    assert grant_setup.tokens(grant) == stored, "the frozen process has replaced a newer token"
    assert grant_setup.row(grant).generation == 2
    [(status, token, _)] = report["answers"]
    assert (status, token) == ("fresh", stored.access_token)
    assert report["outcomes"] in ({"lease_lost": 1}, {"uncertain": 1})
    assert len(upstream.requests) == 2
