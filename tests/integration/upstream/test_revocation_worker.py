"""The tokens to revoke in the background: keys, altered rows, shutdown, metrics, indexes."""

import asyncio
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from doorward_auth.upstream.grants.provider import Provider
from doorward_auth.upstream.grants.service import AnswerStatus
from doorward_auth.upstream.revocation_delivery.delivery import RevocationDelivery
from doorward_auth.upstream.revocations import repository
from doorward_auth.upstream_adapters.base import (
    Arrival,
    FailedError,
    UnreachableError,
)
from doorward_auth.vault.rotation import new_key
from doorward_kit.database import create_engine
from doorward_kit.key_rotation import write_key_set
from integration.harness.databases import transaction
from integration.harness.races import until
from integration.harness.revocation_reads import HANG_SECONDS
from integration.upstream.grant_setup import PROVIDER, GrantSetup
from integration.upstream.revocation_rows import (
    change,
    make_due,
    only,
    reject,
    rows,
    unlink,
)
from integration.upstream.rotating_upstream import DirectAdapter, RotatingUpstream


async def test_a_row_whose_key_is_not_here_waits_for_it(
    grant_setup: GrantSetup, upstream: RotatingUpstream, keys: Path
) -> None:
    reject(grant_setup, upstream.issue())
    right = keys.read_bytes()  # noqa: ASYNC240 - a small file of a test
    write_key_set(keys, {"keys": [new_key()]})
    grant_setup.grants.keys.check()
    await grant_setup.deliver()
    row = only(grant_setup)
    assert (row.attempts, row.due_at > row.now) == (1, True)
    keys.write_bytes(right)  # noqa: ASYNC240 - a small file of a test
    make_due(grant_setup)
    await grant_setup.deliver()
    assert len(upstream.revoked) == 1


async def test_a_grant_is_ended_without_the_key_of_its_tokens(
    grant_setup: GrantSetup, upstream: RotatingUpstream, keys: Path
) -> None:
    """A process with the key revokes them."""
    session = grant_setup.open_session()
    grant_setup.store(upstream.issue(), session)
    right = keys.read_bytes()  # noqa: ASYNC240 - a small file of a test
    write_key_set(keys, {"keys": [new_key()]})
    grant_setup.grants.keys.check()
    unlink(grant_setup, session.user)
    keys.write_bytes(right)  # noqa: ASYNC240 - a small file of a test
    await grant_setup.deliver()
    assert len(upstream.revoked) == 1


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("column", ["refresh_token", "grant_id"])
async def test_a_row_that_was_altered_is_given_up(
    grant_setup: GrantSetup, upstream: RotatingUpstream, column: str
) -> None:
    session = grant_setup.open_session()
    if column == "grant_id":
        grant_setup.store(upstream.issue(), session)
        unlink(grant_setup, session.user)
        change(grant_setup, grant_id=uuid.uuid4())
    else:
        reject(grant_setup, upstream.issue())
        tokens = only(grant_setup)
        reject(grant_setup, upstream.issue())
        [other] = [row for row in rows(grant_setup) if row.id != tokens.id]
        change(grant_setup, other.id, refresh_token=tokens.refresh_token)
    with capture_logs() as lines:
        await grant_setup.deliver()
    reasons = [line["reason"] for line in lines if line["event"] == "upstream.revocation_given_up"]
    assert reasons == ["unreadable"]
    assert rows(grant_setup) == []


async def test_a_process_that_stops_finishes_what_it_sends(
    grant_setup: GrantSetup, upstream: RotatingUpstream, adapter: DirectAdapter
) -> None:
    reject(grant_setup, upstream.issue())
    sent, release = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        sent.set()
        await release.wait()

    adapter.before_revoking = hold
    worker = asyncio.create_task(grant_setup.grants.revocations.run())
    await sent.wait()
    worker.cancel()
    release.set()
    await asyncio.gather(worker, return_exceptions=True)
    assert (len(upstream.revoked), rows(grant_setup)) == (1, [])


async def test_a_stopping_process_takes_no_further_rows(
    grant_setup: GrantSetup,
    upstream: RotatingUpstream,
    adapter: DirectAdapter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(9):
        reject(grant_setup, upstream.issue())
    waits = asyncio.Event()

    def note(_delivery: RevocationDelivery, _provider: Provider) -> float:
        """The loop asks how long to wait when it takes no further rows."""
        waits.set()
        return HANG_SECONDS

    def drain() -> None:
        grant_setup.resources.shutdown.is_draining = True

    monkeypatch.setattr(RevocationDelivery, "remaining_pause", note)
    adapter.before_revoking = drain
    worker = asyncio.create_task(grant_setup.grants.revocations.run())
    grant_setup.grants.outbox.wake()
    await waits.wait()
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    assert len(upstream.revoked) == 4
    assert sum(row.attempts for row in rows(grant_setup)) == 0


async def test_requests_are_counted(grant_setup: GrantSetup, upstream: RotatingUpstream) -> None:
    for error in (None, FailedError(status=500), UnreachableError(Arrival.NOT_SENT)):
        reject(grant_setup, upstream.issue())
        if error is not None:
            upstream.revocations.append(error)
        await grant_setup.deliver()
    name = "doorward_upstream_requests_total"
    for outcome in ("succeeded", "failed", "unreachable"):
        assert grant_setup.metric(name, request="revoke", outcome=outcome) == 1
    measuring = asyncio.create_task(grant_setup.grants.revocations.run())
    await until(lambda: grant_setup.metric("doorward_upstream_revocations_pending") == 2, "measured")
    measuring.cancel()
    await asyncio.gather(measuring, return_exceptions=True)


async def test_a_result_of_a_refresh_does_not_wait_for_results_of_revocations(
    grant_setup: GrantSetup, upstream: RotatingUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It must be stored before its lease ends; a revocation that is not noted is sent again."""
    for _ in range(4):
        reject(grant_setup, upstream.issue())
    grant = grant_setup.store(upstream.issue(), grant_setup.open_session())
    grant_setup.expire(grant)
    release, database = asyncio.Event(), grant_setup.resources.database
    execute, waiting = database.execute_single, 0

    async def hold(work: Any) -> Any:
        nonlocal waiting
        if getattr(work, "func", None) is repository.finish:
            waiting += 1
            await release.wait()
        return await execute(work)

    monkeypatch.setattr(database, "execute_single", hold)
    delivering = asyncio.create_task(grant_setup.deliver())
    await until(lambda: waiting == 2, "as many as are stored at once")
    answer = await grant_setup.ensure_fresh(grant, budget=HANG_SECONDS)
    assert answer.status is AnswerStatus.FRESH
    release.set()
    await delivering
    assert rows(grant_setup) == []


@pytest.mark.databases("mariadb")
def test_processes_that_lease_at_the_same_moment_skip_each_others_rows(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    for _ in range(12):
        reject(grant_setup, upstream.issue())
    with ExitStack() as stack:
        engines = [create_engine(grant_setup.url, pool_size=1, timeout=60) for _ in range(3)]
        connections = [stack.enter_context(transaction(engine)) for engine in engines]
        leases = [repository.lease(one, PROVIDER, count=4, seconds=60.0) for one in connections]
    for engine in engines:
        engine.dispose()
    assert [len(lease.rows) for lease in leases] == [4, 4, 4]
    assert len({row.id for lease in leases for row in lease.rows}) == 12


async def test_a_process_that_was_stopped_through_its_lease_changes_nothing(
    grant_setup: GrantSetup, upstream: RotatingUpstream, adapter: DirectAdapter
) -> None:
    """Another process has leased the row meanwhile, and has failed: its pause must stay."""
    reject(grant_setup, upstream.issue())

    def another_leases() -> None:
        make_due(grant_setup)
        with grant_setup.transaction() as connection:
            assert repository.lease(connection, PROVIDER, count=1, seconds=1_000.0).rows

    adapter.before_revoking = another_leases
    upstream.revocations.append(FailedError(status=500))
    await grant_setup.deliver()
    row = only(grant_setup)
    assert (row.attempts, (row.due_at - row.now).total_seconds() > 900) == (2, True)
