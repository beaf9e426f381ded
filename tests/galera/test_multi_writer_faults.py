"""Writers on every node: one of them dies, or a table is rebuilt, and no acknowledged write is lost."""

from functools import partial

from galera.cluster import ROUNDS, Cluster
from galera.faults import is_synced, killed, work_on
from galera.load import Load
from galera.spread import Spread
from integration.harness.deployment import wait_until
from support.probes import http_status


def assert_nothing_lost(spread: Spread, *loads: Load) -> None:
    for load in loads:
        assert spread.lost(load) == [(0, 0, 0)] * 3
        assert load.users
        assert load.tickets
        assert load.logouts
        assert set(load.statuses) <= {200, 201, 204, 503}


def test_a_node_of_several_writers_that_dies_loses_no_acknowledged_write(
    cluster: Cluster, spread: Spread
) -> None:
    for _ in range(ROUNDS):
        with spread.load() as (elsewhere, on_it):
            work_on(on_it)
            with killed(cluster, cluster[3]):
                work_on(elsewhere, 4)
            wait_until(partial(is_synced, cluster[3]), "whole again")
            work_on(on_it)
        cluster.wait_until_whole()
        print(f"\nelsewhere: {elsewhere}\non the node: {on_it}")
        assert on_it.statuses[503], "the node was used"
        assert_nothing_lost(spread, elsewhere, on_it)
    on_the_node = (spread.users[3], spread.tickets[3])
    wait_until(lambda: [http_status(one.port, "/readyz") for one in on_the_node] == [200, 200], "ready")


def test_a_table_that_is_rebuilt_under_load_of_several_writers_loses_nothing(
    cluster: Cluster, spread: Spread
) -> None:
    """A cluster runs DDL on every node at the same place in the order of writes."""
    with spread.load() as loads:
        for change in ("ADD COLUMN scratch INT, ALGORITHM=COPY", "DROP COLUMN scratch, ALGORITHM=COPY"):
            spread.database.execute(f"ALTER TABLE users {change}")
        for load in loads:
            work_on(load)
    cluster.wait_until_whole()
    assert_nothing_lost(spread, *loads)
