"""The backup of docs/operations.md, taken from one node and restored through another, is on every node."""

from pathlib import Path

from galera.cluster import Cluster
from integration.harness.documented_backup import NAMES, Clients, Stored, services_over


def test_a_dump_of_one_node_is_restored_on_all(cluster: Cluster, tmp_path: Path) -> None:
    clients = Clients()
    with services_over(cluster[1], tmp_path / "backed_up") as chain:
        stored = Stored.by(chain)
        cluster[2].execute("SET STATEMENT wsrep_sync_wait = 7 FOR SELECT 1")  # it has what was stored
        clients.back_up(cluster[2], tmp_path)
        assert cluster[2].is_synced, "the dump took the node out of the cluster"
        stored.delete_user(chain)
        for service in (chain.tickets, *chain.services):
            service.stop()
        clients.restore(cluster[3], tmp_path)
        for node in cluster.nodes:
            found = node.execute(
                f"SET STATEMENT wsrep_sync_wait = 7 FOR SELECT email FROM {NAMES[0]}.users"
                f" UNION ALL SELECT id FROM {NAMES[1]}.tickets"
            )
            assert len(found) == 5
        for service in (*chain.services, chain.tickets):
            service.start()
        stored.assert_restored(chain)
