"""How the login of a rest upstream fails."""

import pytest

from doorward_auth.upstream_adapters.base import Arrival, UnreachableError, UpstreamError
from doorward_auth.upstream_adapters.rest import RestAdapter


async def failure(rest: RestAdapter) -> UpstreamError:
    with pytest.raises(UpstreamError) as failed:
        await rest.log_in("ada@example.com", "a password")
    return failed.value


async def arrival(rest: RestAdapter) -> Arrival:
    failed = await failure(rest)
    assert isinstance(failed, UnreachableError), failed
    return failed.arrival
