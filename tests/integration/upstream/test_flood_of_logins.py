"""A flood of slow logins delays no refresh, and says nothing about the upstream."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from doorward_auth.upstream.grants.gate import MAX_CONCURRENT
from doorward_auth.upstream.grants.service import AnswerStatus
from doorward_auth.upstream.providers import create_adapter
from doorward_auth.upstream.requests import UpstreamRequests
from doorward_auth.upstream_adapters.base import Arrival, UnreachableError, UpstreamLogin, UpstreamTokens
from doorward_auth.upstream_adapters.rest import RestAdapter
from doorward_auth.upstream_adapters.settings.upstreams import parse_providers
from integration.upstream.grant_setup import GrantSetup
from support.example_upstream import FOLDER
from support.scripted_upstream import Received, Reply, ScriptedUpstream, Then, answer, scripted_upstream

pytestmark = pytest.mark.databases("sqlite")

REFRESHED = {"access": "access-2", "refresh": "refresh-2"}


def hang_logins(request: Received) -> Reply:
    return answer(200, REFRESHED) if request.target == "/api/token/refresh" else Reply(then=Then.HANG)


@pytest.fixture
async def scripted() -> AsyncIterator[ScriptedUpstream]:
    async with scripted_upstream() as server:
        server.otherwise = hang_logins
        yield server


@pytest.fixture
async def rest(scripted: ScriptedUpstream) -> AsyncIterator[RestAdapter]:
    document = json.loads((FOLDER / "upstreams.json").read_text(encoding="utf-8"))
    document["theapi"] |= {"base_url": scripted.url, "timeout_seconds": 30}
    adapter = create_adapter("theapi", parse_providers(json.dumps(document))["theapi"])
    assert isinstance(adapter, RestAdapter)
    yield adapter
    await adapter.close()


@pytest.fixture
async def grant_setup(
    grant_urls: Callable[[str], str], backend: str, keys: Path, rest: RestAdapter
) -> AsyncIterator[GrantSetup]:
    grant_setup = GrantSetup(grant_urls(backend), keys, rest)
    grant_setup.wipe()
    yield grant_setup
    grant_setup.close()


async def until_received(upstream: ScriptedUpstream, count: int) -> None:
    """Wait until the upstream has a number of requests."""
    async with asyncio.timeout(20):
        while len(upstream.received) < count:
            upstream.request_came.clear()
            await upstream.request_came.wait()


async def test_a_refresh_succeeds_while_as_many_logins_hang_as_may(
    grant_setup: GrantSetup, scripted: ScriptedUpstream, rest: RestAdapter
) -> None:
    requests = UpstreamRequests(grant_setup.grants.providers, grant_setup.grants.metrics)
    grant = grant_setup.store(UpstreamTokens("access-1", "refresh-1"), grant_setup.open_session())
    grant_setup.expire(grant)

    def log_in() -> asyncio.Task[UpstreamLogin]:
        sent = requests.send(
            grant_setup.provider, "login", lambda: rest.log_in("ada@example.com", "a password")
        )
        return asyncio.create_task(sent)

    hanging = [log_in() for _ in range(MAX_CONCURRENT)]
    await until_received(scripted, MAX_CONCURRENT)
    answered = await grant_setup.ensure_fresh(grant, budget=20.0)
    assert (answered.status, answered.access_token) == (AnswerStatus.FRESH, "access-2")
    assert grant_setup.metric("doorward_upstream_up") == 1
    with pytest.raises(UnreachableError) as rejected:
        await log_in()
    assert rejected.value.arrival is Arrival.NOT_SENT
    assert len(scripted.received) == MAX_CONCURRENT + 1, "the login that found no room was not sent"
    assert grant_setup.metric("doorward_upstream_up") == 1, "no room is no outage"
    first = hanging.pop()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    hanging.append(log_in())
    await until_received(scripted, MAX_CONCURRENT + 2)
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)
