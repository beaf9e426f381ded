"""Connections to several database nodes are distinguished from a failover."""

from doorward_identity.data_age import NodesSeen


def seen(*nodes: str) -> list[str]:
    noted = NodesSeen()
    for node in nodes:
        noted.note(node)
    return noted.concurrent_nodes


def test_one_node_is_not_several() -> None:
    assert seen(*["n1"] * 20) == []


def test_a_failover_and_the_way_back_are_not_several() -> None:
    """During a failover a process sees once more what the old node's process has written."""
    assert seen("n1", "n1", "n2", "n1", "n2", "n2", "n2", "n1", "n2", "n1", "n1") == []


def test_nodes_that_alternate_are_several() -> None:
    assert seen(*["n2", "n1"] * 5) == ["n1", "n2"]
