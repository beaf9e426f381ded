"""Tokens to revoke survive processes that are killed, and an upstream that is unavailable."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integration.harness.deployment import wait_until
from integration.upstream.grant_setup import LEASE_SECONDS, GrantSetup
from integration.upstream.processes import ForkedScript
from integration.upstream.revocation_rows import (
    close_circuit,
    counted,
    make_due,
    only,
    reject,
    rows,
    unlink,
)
from integration.upstream.rotating_upstream import RotatingUpstream, SocketAdapter, UpstreamServer

pytestmark = pytest.mark.databases("mariadb")


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
def worker(
    grant_setup: GrantSetup, keys: Path, server: UpstreamServer, tmp_path: Path
) -> Callable[[], ForkedScript]:
    return lambda: ForkedScript("revoke_all", [grant_setup.url, keys, server.port], folder=tmp_path)


def revoked(upstream: RotatingUpstream) -> list[str | None]:
    return [one.refresh_token for one in upstream.revoked]


async def test_a_process_killed_after_the_commit_leaves_the_request_to_another(
    grant_setup: GrantSetup, upstream: RotatingUpstream, keys: Path, tmp_path: Path
) -> None:
    session = grant_setup.open_session()
    tokens = upstream.issue()
    grant_setup.store(tokens, session)
    arguments = [grant_setup.url, keys, session.user.id]
    with ForkedScript("unlink_and_die", arguments, folder=tmp_path):
        wait_until(lambda: len(rows(grant_setup)) == 1, "committed")
    assert upstream.revoked == []
    await grant_setup.deliver()
    assert revoked(upstream) == [tokens.refresh_token]
    assert rows(grant_setup) == []


async def test_a_process_killed_during_the_request_leaves_it_to_another_after_its_lease(
    grant_setup: GrantSetup,
    upstream: RotatingUpstream,
    server: UpstreamServer,
    worker: Callable[[], ForkedScript],
) -> None:
    tokens = upstream.issue()
    reject(grant_setup, tokens)
    server.hold.clear()
    with worker() as process:
        assert server.acted.acquire(timeout=60)
        process.kill9()
    server.hold.set()
    row = only(grant_setup)
    assert (row.attempts, row.due_at > row.now) == (1, True)
    await grant_setup.deliver()
    assert len(upstream.revoked) == 1, "its answer may still come"
    assert (row.due_at - row.now).total_seconds() <= LEASE_SECONDS
    make_due(grant_setup)
    await grant_setup.deliver()
    assert revoked(upstream) == [tokens.refresh_token] * 2
    assert rows(grant_setup) == []


def test_of_several_replicas_one_sends_each_request(
    grant_setup: GrantSetup, upstream: RotatingUpstream, worker: Callable[[], ForkedScript]
) -> None:
    session = grant_setup.open_session()
    tokens = [upstream.issue() for _ in range(30)]
    for one in tokens:
        reject(grant_setup, one)
    grant_setup.store(upstream.issue(), session)
    unlink(grant_setup, session.user)
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(worker())
        wait_until(lambda: not rows(grant_setup), "delivered")
    requests = Counter(revoked(upstream))
    assert set(requests.values()) == {1}
    assert len(requests) == 31


async def test_an_upstream_that_comes_back_gets_each_request_once(
    grant_setup: GrantSetup, upstream: RotatingUpstream, server: UpstreamServer
) -> None:
    adapter = grant_setup.provider.adapter
    assert isinstance(adapter, SocketAdapter)
    tokens = [upstream.issue() for _ in range(10)]
    for one in tokens:
        reject(grant_setup, one)
    adapter._port = 1  # nothing listens there
    for _ in range(3):
        await grant_setup.deliver()
        make_due(grant_setup)
        await grant_setup.deliver()  # the circuit is open
    assert sum(row.attempts for row in rows(grant_setup)) == 4, "one batch was tried, and then nothing"
    for _ in range(3):
        grant_setup.grants.revocations._delivery._requests._gates["theapi"]._breaker._resume_at = 0.0
        await grant_setup.deliver()
    assert sum(row.attempts for row in rows(grant_setup)) == 7, "one on trial after each pause"
    adapter._port = server.port
    make_due(grant_setup)
    close_circuit(grant_setup)
    await grant_setup.deliver()
    assert Counter(revoked(upstream)) == Counter(one.refresh_token for one in tokens)
    assert (rows(grant_setup), counted(grant_setup)) == ([], {"delivered": 10})
