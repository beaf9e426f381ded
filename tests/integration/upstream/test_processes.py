"""However many processes ask, one request is sent; killed and frozen ones do no harm."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from doorward_auth.upstream.grants.models import GrantState
from doorward_auth.upstream.grants.service import AnswerStatus
from integration.upstream.grant_world import LEASE_SECONDS, GrantWorld
from integration.upstream.processes import Asking, reports, wait_until_asking
from integration.upstream.rotating_upstream import RotatingUpstream, SocketAdapter, UpstreamServer

pytestmark = pytest.mark.databases("mariadb")

BUDGET = 60.0


@pytest.fixture
def server(upstream: RotatingUpstream) -> Iterator[UpstreamServer]:
    with UpstreamServer(upstream).running() as server:
        yield server


@pytest.fixture
def world(
    grant_urls: Callable[[str], str], backend: str, keys: Path, server: UpstreamServer
) -> Iterator[GrantWorld]:
    """This process, which reaches the upstream as the others do."""
    world = GrantWorld(grant_urls(backend), keys, SocketAdapter(server.port))
    world.wipe()
    yield world
    world.close()


@pytest.fixture
def asking(world: GrantWorld, keys: Path, server: UpstreamServer, tmp_path: Path) -> Asking:
    return Asking(world.url, keys, server.port, tmp_path)


def test_twenty_one_callers_in_three_processes_cause_one_request(
    world: GrantWorld, upstream: RotatingUpstream, server: UpstreamServer, asking: Asking
) -> None:
    grant = world.store(upstream.issue(), world.open_session())
    world.expire(grant)
    server.hold.clear()
    with asking.process(grant, processes=3, calls=7) as process:
        wait_until_asking(process, 3)
        assert server.acted.acquire(timeout=60)
        assert not server.acted.acquire(timeout=0.5), "a second request was sent"
        server.hold.set()
        answers = [answer for report in reports(process, 3) for answer in report["answers"]]
    assert len(upstream.requests) == 1
    stored = world.tokens(grant).access_token
    assert [(status, token) for status, token, _ in answers] == [("fresh", stored)] * 21
    assert world.row(grant).generation == 2


@pytest.mark.parametrize("is_reusable", [False, True])
async def test_a_process_killed_between_sending_and_storing_loses_what_the_protocol_loses(
    world: GrantWorld,
    upstream: RotatingUpstream,
    server: UpstreamServer,
    asking: Asking,
    *,
    is_reusable: bool,
) -> None:
    upstream.is_reusable = is_reusable
    world.provider.adapter._is_reusable = is_reusable  # type: ignore[attr-defined]  # of the fake
    grant = world.store(upstream.issue(), world.open_session())
    world.expire(grant)
    server.hold.clear()
    with asking.process(grant, is_reusable=is_reusable) as process:
        assert server.acted.acquire(timeout=60)
        process.kill9()
    server.hold.set()
    row = world.row(grant)
    assert (row.state, row.is_leased, row.generation) == (GrantState.ACTIVE, True, 1)
    waiting = await world.grants.service.ensure_fresh(grant, budget=0.2)
    assert (waiting.status, len(upstream.requests)) == (AnswerStatus.PENDING, 1), "its answer may still come"
    await world.grants.service.drain(0.0)
    world.pass_time(grant, LEASE_SECONDS)
    answer = await world.grants.service.ensure_fresh(grant, budget=BUDGET)
    assert len(upstream.requests) == 2
    if is_reusable:
        assert (answer.status, world.row(grant).state) == (AnswerStatus.FRESH, GrantState.ACTIVE)
    else:
        assert (answer.status, world.row(grant).last_error) == (AnswerStatus.REAUTH_REQUIRED, "lost")


async def test_a_process_frozen_through_its_lease_stores_nothing(
    world: GrantWorld, upstream: RotatingUpstream, server: UpstreamServer, asking: Asking
) -> None:
    upstream.is_reusable = True
    grant = world.store(upstream.issue(), world.open_session())
    world.expire(grant)
    server.hold.clear()
    with asking.process(grant) as process:
        assert server.acted.acquire(timeout=60)
        process.freeze()
        server.hold.set()
        world.pass_time(grant, LEASE_SECONDS)
        answer = await world.grants.service.ensure_fresh(grant, budget=BUDGET)
        assert answer.status is AnswerStatus.FRESH
        stored = world.tokens(grant)
        assert upstream.is_valid(stored.refresh_token)
        process.thaw()
        [report] = reports(process)
    assert world.tokens(grant) == stored, "the frozen process has replaced a newer token"
    assert world.row(grant).generation == 2
    [(status, token, _)] = report["answers"]
    assert (status, token) == ("fresh", stored.access_token)
    assert report["outcomes"] in ({"lease_lost": 1}, {"uncertain": 1})
    assert len(upstream.requests) == 2
