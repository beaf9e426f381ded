"""One writer behind HAProxy: any node may die, freeze or be cut off, and no acknowledged write is lost."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import pytest

from galera.cluster import ROUNDS, Cluster
from galera.faults import (
    Fault,
    cut_off,
    desynchronized,
    frozen,
    is_synced,
    killed,
    killed_and_copied,
    work_on,
)
from galera.load import Load
from galera.writer import SingleWriter
from integration.harness.deployment import ANSWER_SECONDS, wait_until
from support.databases import Database
from support.services import PATIENT

OUTAGE_SECONDS: Final = 15.0
"""Longest time without a success on a machine that is not slow: three times the promise.

The promise itself, five seconds, is a sum of settings: tests/unit/chart/test_failover_time.py.
"""

SLOW: Final = 10
"""A slow machine gets this many times its longest pause before the fault in addition."""

ATTEMPTS: Final = 3


@pytest.fixture(scope="module")
def behind_haproxy(
    shared_cluster: Cluster,
    database: Database,
    tickets_database: Database,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[SingleWriter]:
    shared_cluster.wait_until_whole()
    folder = tmp_path_factory.mktemp("writer")
    with SingleWriter(shared_cluster, database, tickets_database, folder, {}) as running:
        yield running


@pytest.fixture(scope="module")
def services_with_long_timeout(
    shared_cluster: Cluster,
    database: Database,
    tickets_database: Database,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[SingleWriter]:
    """Services that wait for longer than a cluster needs to go on without a node, also on a slow machine."""
    shared_cluster.wait_until_whole()
    folder = tmp_path_factory.mktemp("patient")
    with SingleWriter(shared_cluster, database, tickets_database, folder, PATIENT) as running:
        yield running


def assert_nothing_lost(load: Load, running: SingleWriter, cluster: Cluster) -> None:
    assert [running.lost(load, node) for node in cluster.nodes] == [(0, 0, 0)] * 3
    assert load.users
    assert load.tickets
    assert load.logouts


@pytest.mark.parametrize("fault", [killed, frozen, cut_off, desynchronized] * ROUNDS)
def test_a_writer_that_fails_loses_no_acknowledged_write(
    cluster: Cluster,
    behind_haproxy: SingleWriter,
    fault: Fault,
    record_property: Callable[[str, object], None],
) -> None:
    failing = behind_haproxy.writer
    others = [node for node in cluster.nodes if node is not failing]
    was_down, others_were_down = behind_haproxy.times_down(failing), behind_haproxy.times_down(*others)
    with behind_haproxy.load() as load:
        pause = load.longest_gap
        with fault(cluster, failing):
            work_on(load, 4)
        wait_until(partial(is_synced, failing), "whole again")
        work_on(load)
    cluster.wait_until_whole()
    record_property("figures", str(load))
    print(f"\n{fault.__name__}: {load}")
    assert_nothing_lost(load, behind_haproxy, cluster)
    assert set(load.statuses) <= {200, 201, 204, 503}
    assert load.slowest < ANSWER_SECONDS
    assert load.longest_gap < OUTAGE_SECONDS + SLOW * pause
    assert behind_haproxy.times_down(failing) > was_down
    # On a busy machine the next writer may seem to be silent, too.
    writer, is_first = behind_haproxy.writer, behind_haproxy.times_down(*others) == others_were_down
    assert writer is not failing or not is_first
    was_down = behind_haproxy.times_down(writer)
    behind_haproxy.restart_a_proxy()
    assert behind_haproxy.writer is writer or behind_haproxy.times_down(writer) > was_down


@pytest.mark.parametrize("fault", [killed_and_copied, frozen] * ROUNDS)
def test_a_reader_that_fails_and_returns_fails_nothing(
    cluster: Cluster,
    services_with_long_timeout: SingleWriter,
    fault: Fault,
    record_property: Callable[[str, object], None],
) -> None:
    """The writer goes on when the others have noticed, and while the node returns.

    On a busy machine the writer may seem to be silent, too. Of some attempts, one without that is judged.
    """
    for _ in range(ATTEMPTS):
        writer = services_with_long_timeout.writer
        was_down = services_with_long_timeout.times_down(writer)
        failing, donor = (node for node in cluster.nodes if node is not writer)
        with services_with_long_timeout.load() as load:
            with fault(cluster, failing, donor):
                work_on(load, 4)
            wait_until(partial(is_synced, failing), "whole again")
            work_on(load)
        cluster.wait_until_whole()
        print(f"\nreader {fault.__name__}: {load}")
        assert_nothing_lost(load, services_with_long_timeout, cluster)
        record_property("figures", str(load))
        assert set(load.statuses) <= {200, 201, 204, 503}
        still_writer = services_with_long_timeout.writer is writer
        if services_with_long_timeout.times_down(writer) == was_down:
            assert still_writer
            assert set(load.statuses) <= {200, 201, 204}
            return
    pytest.fail("the writer fails with each reader")


def test_a_table_that_is_rebuilt_under_load_loses_nothing(
    cluster: Cluster, behind_haproxy: SingleWriter
) -> None:
    """A cluster runs DDL on every node at the same place in the order of writes."""
    with behind_haproxy.load() as load:
        for change in ("ADD COLUMN scratch INT, ALGORITHM=COPY", "DROP COLUMN scratch, ALGORITHM=COPY"):
            behind_haproxy.alter(f"ALTER TABLE users {change}")
        work_on(load)
    assert_nothing_lost(load, behind_haproxy, cluster)
    assert set(load.statuses) <= {200, 201, 204, 503}
