"""What follows from the answer to a request to revoke tokens."""

import pytest
from structlog.testing import capture_logs

from doorward_auth.upstream_adapters.base import (
    Arrival,
    FailedError,
    MalformedAnswerError,
    MisconfiguredError,
    ThrottledError,
    UnreachableError,
    UpstreamError,
)
from integration.upstream.grant_setup import GrantSetup
from integration.upstream.revocation_rows import (
    change,
    close_circuit,
    counted,
    make_due,
    only,
    reject,
    rows,
)
from integration.upstream.rotating_upstream import RotatingUpstream

SLACK = 60
"""Seconds that a slow machine may take between two statements of a test."""


FINAL: list[UpstreamError] = [FailedError(status=status) for status in (400, 404, 405, 422)]
REPEATED: list[UpstreamError | Exception] = [
    FailedError(status=500),
    FailedError(status=503),
    FailedError(status=408),
    FailedError(status=302),
    FailedError(),
    ThrottledError(None, status=429),
    MisconfiguredError(status=401),
    UnreachableError(Arrival.NOT_SENT),
    UnreachableError(Arrival.UNKNOWN),
    RuntimeError("a bug of the adapter"),
]


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("error", FINAL, ids=lambda error: str(error.status))
async def test_the_upstreams_no_is_final(
    grant_setup: GrantSetup, upstream: RotatingUpstream, error: UpstreamError
) -> None:
    reject(grant_setup, upstream.issue())
    upstream.revocations.append(error)
    with capture_logs() as lines:
        await grant_setup.deliver()
    [line] = [line for line in lines if line["event"] == "upstream.revocation_given_up"]
    assert line["reason"] == f"status_{error.status}"
    assert (rows(grant_setup), counted(grant_setup)) == ([], {"given_up": 1})


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("error", REPEATED, ids=repr)
async def test_a_failure_is_repeated_after_a_pause(
    grant_setup: GrantSetup, upstream: RotatingUpstream, error: UpstreamError
) -> None:
    reject(grant_setup, upstream.issue())
    upstream.revocations.append(error)
    await grant_setup.deliver()
    row = only(grant_setup)
    assert row.due_at > row.now
    close_circuit(grant_setup)
    await grant_setup.deliver()
    assert upstream.revoked == [], "it is not due"
    make_due(grant_setup)
    await grant_setup.deliver()
    assert (len(upstream.revoked), rows(grant_setup)) == (1, [])
    assert counted(grant_setup) == {"delivered": 1}


@pytest.mark.databases("sqlite")
async def test_success_with_a_body_that_cannot_be_read_is_success(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    reject(grant_setup, upstream.issue())
    upstream.revocations.append(MalformedAnswerError(status=200))
    await grant_setup.deliver()
    assert (rows(grant_setup), counted(grant_setup)) == ([], {"delivered": 1})


@pytest.mark.databases("sqlite")
async def test_pauses_grow_and_retry_after_counts(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    reject(grant_setup, upstream.issue())
    change(grant_setup, attempts=20)
    upstream.revocations.append(FailedError(status=500))
    await grant_setup.deliver()
    row = only(grant_setup)
    assert (row.due_at - row.now).total_seconds() > 450 - SLACK, "half of a quarter of an hour at least"
    make_due(grant_setup)
    upstream.revocations.append(ThrottledError(2_000, status=429))
    await grant_setup.deliver()
    row = only(grant_setup)
    assert 2_000 - SLACK < (row.due_at - row.now).total_seconds() <= 2_000
    reject(grant_setup, upstream.issue())
    await grant_setup.deliver()
    assert upstream.revoked == [], "the upstream has asked for a pause"
