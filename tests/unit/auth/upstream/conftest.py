"""A scripted upstream, and its rest adapter."""

from collections.abc import AsyncIterator

import pytest

from doorward_auth.upstream_adapters.rest import RestAdapter
from support.openid_provider import OpenIdProvider, openid_provider
from support.scripted_upstream import ScriptedUpstream, scripted_upstream
from unit.auth.upstream.adapters import close_adapters, rest_adapter


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    async with scripted_upstream() as server:
        yield server
        await close_adapters()


@pytest.fixture
def rest(upstream: ScriptedUpstream) -> RestAdapter:
    return rest_adapter(upstream)


@pytest.fixture
async def provider() -> AsyncIterator[OpenIdProvider]:
    async with openid_provider() as server:
        yield server
        await close_adapters()
