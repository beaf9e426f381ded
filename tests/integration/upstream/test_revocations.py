"""Tokens of ended grants are revoked at the upstream, or their revocation is noted as missing."""

import pytest
from structlog.testing import capture_logs

from doorward_auth.upstream_adapters.base import FailedError, UpstreamTokens
from integration.upstream.grant_setup import GrantSetup
from integration.upstream.rotating_upstream import DirectAdapter, RotatingUpstream

pytestmark = pytest.mark.databases("sqlite")


def outcomes(grant_setup: GrantSetup) -> dict[str, float]:
    counted = {
        outcome: grant_setup.metric("doorward_upstream_requests_total", request="revoke", outcome=outcome)
        for outcome in ("succeeded", "failed", "uncertain", "not_asked")
    }
    return {outcome: count for outcome, count in counted.items() if count}


async def revoke(grant_setup: GrantSetup, upstream: RotatingUpstream) -> list[str]:
    """Revoke the tokens of a grant that ended; return what the log says."""
    grant = grant_setup.store(upstream.issue(), grant_setup.open_session())
    with capture_logs() as lines:
        await grant_setup.grants.service.revoke([grant_setup.row(grant)])
    return [str(line["event"]) for line in lines]


async def test_a_revocation_is_counted(grant_setup: GrantSetup, upstream: RotatingUpstream) -> None:
    assert await revoke(grant_setup, upstream) == []
    assert (len(upstream.revoked), outcomes(grant_setup)) == (1, {"succeeded": 1})


async def test_a_revocation_that_may_not_be_sent_is_logged_and_counted(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    """After a 429 or while the circuit is open."""
    grant_setup.provider.gate.pause(60)
    assert await revoke(grant_setup, upstream) == ["upstream.revocation_skipped"]
    assert (upstream.revoked, outcomes(grant_setup)) == ([], {"not_asked": 1})


async def test_a_revocation_that_fails_is_logged_and_counted(
    grant_setup: GrantSetup,
    upstream: RotatingUpstream,
    adapter: DirectAdapter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(_tokens: UpstreamTokens) -> None:
        raise FailedError(status=500)

    monkeypatch.setattr(adapter, "revoke", fail)
    assert await revoke(grant_setup, upstream) == ["upstream.revocation_failed"]
    assert outcomes(grant_setup) == {"failed": 1}
