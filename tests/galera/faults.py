"""What happens to a node during a block, and how a test waits for the end of it."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from galera.cluster import Cluster, Node
from galera.load import Load
from integration.harness.deployment import wait_until

Fault = Callable[..., AbstractContextManager[None]]

HANG_SECONDS: Final = 60.0


@contextmanager
def killed(cluster: Cluster, node: Node) -> Iterator[None]:
    """At the end another node sends it what it has missed."""
    node.running.kill9()
    yield
    node.start(cluster)


@contextmanager
def killed_and_copied(cluster: Cluster, node: Node, donor: Node) -> Iterator[None]:
    """At the end the donor sends it everything."""
    node.running.kill9()
    yield
    node.forget_everything()
    node.start(cluster, f"--wsrep-sst-donor=n{donor.number}")


@contextmanager
def frozen(_cluster: Cluster, node: Node, *_: Node) -> Iterator[None]:
    node.running.freeze()
    yield
    node.running.thaw()


@contextmanager
def cut_off(_cluster: Cluster, node: Node) -> Iterator[None]:
    node.isolate(is_cut=True)
    yield
    node.isolate(is_cut=False)


@contextmanager
def desynchronized(_cluster: Cluster, node: Node) -> Iterator[None]:
    """As the node that sends its data to another one: HAProxy chooses another writer."""
    node.execute("SET GLOBAL wsrep_desync = ON")
    yield
    node.execute("SET GLOBAL wsrep_desync = OFF")


def work_on(load: Load, seconds: float = 0.0) -> None:
    """Wait until requests succeed that ended this long after now."""
    since = time.monotonic() + seconds
    wait_until(lambda: load.successes_since(since) > 20, "working", HANG_SECONDS)


def is_synced(node: Node) -> bool:
    return node.is_synced
