"""Grants that cannot be refreshed take no place in the background from those that can."""

from pathlib import Path

import pytest

from doorward_auth.upstream.grants.models import GrantState
from doorward_auth.vault.rotation import new_key
from doorward_identity.tables import upstream_grants
from doorward_kit.column_types import utc_now
from doorward_kit.key_rotation import write_key_set
from integration.harness.races import until
from integration.upstream.background_refresh import due, running
from integration.upstream.grant_setup import GrantSetup
from integration.upstream.rotating_upstream import RotatingUpstream

SEVERAL = 9
"""More than are refreshed at once."""


@pytest.mark.parametrize("reason", ["their key is not here", "the upstream has revoked them"])
async def test_others_are_refreshed(
    grant_setup: GrantSetup, upstream: RotatingUpstream, keys: Path, reason: str
) -> None:
    """Elsewhere such grants took every place for ever, because their next attempt was always due."""
    failing = [due(grant_setup, upstream) for _ in range(SEVERAL)]
    if reason == "their key is not here":
        write_key_set(keys, {"keys": [new_key()]})
        grant_setup.grants.keys.check()
    else:
        upstream._valid.clear()
    grant = due(grant_setup, upstream)
    last = upstream_grants.update().where(upstream_grants.c.id == grant)
    grant_setup.execute(last.values(due_at=utc_now()))
    async with running(grant_setup):
        await until(lambda: grant_setup.row(grant).generation == 2, "refreshed")
        await until(lambda: all(grant_setup.row(one).last_error for one in failing), "tried")
    found = {(grant_setup.row(one).state, grant_setup.row(one).last_error) for one in failing}
    if reason == "their key is not here":
        assert (found, len(upstream.requests)) == ({(GrantState.ACTIVE, "unknown_key")}, 1)
    else:
        assert (found, len(upstream.requests)) == (
            {(GrantState.REAUTH_REQUIRED, "invalid_grant")},
            SEVERAL + 1,
        )
