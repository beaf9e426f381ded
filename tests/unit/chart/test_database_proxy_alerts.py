"""When the alerts of the database's proxies fire, as promtool evaluates them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from chart.firing import is_firing, series

NO_WRITER: Final = "DoorwardDatabaseNoWriter"
TWO_WRITERS: Final = "DoorwardDatabaseTwoWriters"
FAILOVER: Final = "DoorwardDatabaseFailover"
NODE_DOWN: Final = "DoorwardDatabaseNodeDown"
PROXY_DOWN: Final = "DoorwardDatabaseProxyDown"
NEAR_LIMIT: Final = "DoorwardDatabaseConnectionsNearLimit"

PODS: Final = ("proxy-0", "proxy-1")


def of_proxy(name: str, pod: str, proxy: str = "database", **labels: str) -> str:
    return series(name, pod, service="doorward", proxy=proxy, **labels)


def servers(pod: str, active: str, backup: str) -> dict[str, str]:
    """Return how many nodes pass the check of a proxy: the first one, and the other two."""
    return {
        of_proxy("haproxy_backend_active_servers", pod): active,
        of_proxy("haproxy_backend_backup_servers", pod): backup,
    }


def sessions(pod: str, **of_node: str) -> dict[str, str]:
    """Return the connections of a proxy to each node."""
    return {
        of_proxy("haproxy_server_current_sessions", pod, server=node): of_node.get(node, "0x80")
        for node in ("n1", "n2", "n3")
    }


@pytest.mark.parametrize(
    ("given", "fires"),
    [
        (servers(PODS[0], "0x40", "0x40") | servers(PODS[1], "0x40", "0x40"), True),
        (servers(PODS[0], "0x40", "0x40") | servers(PODS[1], "1x40", "0x40"), False),
        (servers(PODS[0], "0x40", "2x40") | servers(PODS[1], "0x40", "2x40"), False),
        (servers(PODS[0], "1x40", "2x40"), False),
        ({}, True),
    ],
    ids=["neither reaches a node", "one does", "the first node is down", "one proxy", "no proxy responds"],
)
def test_no_node_is_the_writer(tmp_path: Path, given: Mapping[str, str], *, fires: bool) -> None:
    assert is_firing(tmp_path, NO_WRITER, given, 15) is fires


def test_a_failover_alone_is_no_loss_of_the_writer(tmp_path: Path) -> None:
    one_scrape = servers(PODS[0], "1x20 0 1x40", "2x20 0 2x40")
    assert not any(is_firing(tmp_path, NO_WRITER, one_scrape, minute) for minute in (10, 11, 12))


DISAGREEING: Final = sessions(PODS[0], n1="8x80") | sessions(PODS[1], n1="8x20 0x60", n2="0x20 8x60")
FAILED_OVER: Final = {
    name: values for pod in PODS for name, values in sessions(pod, n1="8x20 0x60", n2="0x20 8x60").items()
}
"""From minute 10.5 on."""


@pytest.mark.parametrize(
    ("given", "minute", "fires"),
    [(DISAGREEING, 9, False), (DISAGREEING, 14, True), (FAILED_OVER, 14, False)],
)
def test_proxies_that_have_different_writers(
    tmp_path: Path, given: Mapping[str, str], minute: int, *, fires: bool
) -> None:
    assert is_firing(tmp_path, TWO_WRITERS, given, minute) is fires


def test_a_proxy_with_connections_to_two_nodes(tmp_path: Path) -> None:
    """Its peer has sent it another writer, and older connections are still open."""
    assert is_firing(tmp_path, TWO_WRITERS, sessions(PODS[0], n1="4x80", n2="4x80"), 14)


@pytest.mark.parametrize(("minute", "fires"), [(9, False), (11, True), (19, True), (22, False)])
def test_a_failover_is_reported_for_ten_minutes(tmp_path: Path, minute: int, *, fires: bool) -> None:
    assert is_firing(tmp_path, FAILOVER, FAILED_OVER, minute) is fires


@pytest.mark.parametrize(
    "given",
    [
        sessions(PODS[0], n1="8x80") | sessions(PODS[1], n1="8x80"),
        sessions(PODS[0], n1="8x20 _x2 0x2 8x60"),
        sessions(PODS[0], n2="0x20 8x60"),
    ],
    ids=["nothing happens", "the proxy is restarted", "the first connection"],
)
def test_the_same_writer_is_no_failover(tmp_path: Path, given: Mapping[str, str]) -> None:
    assert not any(is_firing(tmp_path, FAILOVER, given, minute) for minute in (11, 13, 20))


def up(pod: str, values: str, state: str = "UP") -> dict[str, str]:
    return {of_proxy("haproxy_server_status", pod, server="n3", state=state): values}


@pytest.mark.parametrize(
    ("given", "minute", "fires"),
    [
        (up(PODS[0], "1x20 0x60") | up(PODS[1], "1x20 0x60"), 17, True),
        (up(PODS[0], "1x20 0x60") | up(PODS[1], "1x80"), 17, True),
        (up(PODS[0], "1x20 0x60") | up(PODS[1], "1x20 0x60"), 13, False),
        (up(PODS[0], "1x80") | up(PODS[0], "0x80", state="DOWN"), 17, False),
    ],
    ids=["for both", "for one proxy", "restarting", "up"],
)
def test_a_node_that_stays_down(
    tmp_path: Path, given: Mapping[str, str], minute: int, *, fires: bool
) -> None:
    assert is_firing(tmp_path, NODE_DOWN, given, minute) is fires


def responds(pod: str, values: str) -> dict[str, str]:
    return {series("up", pod, service="doorward"): values}


@pytest.mark.parametrize(
    ("given", "minute", "fires"),
    [
        (responds(PODS[0], "1x80") | responds(PODS[1], "1x80"), 17, False),
        (responds(PODS[0], "1x80") | responds(PODS[1], "1x20 0x60"), 17, True),
        (responds(PODS[0], "1x80") | responds(PODS[1], "1x20 _x60"), 23, True),
        (responds(PODS[0], "1x80") | responds(PODS[1], "1x20 0x4 1x60"), 17, False),
        ({}, 17, True),
    ],
    ids=["both respond", "one does not", "one is gone", "one was restarted", "none"],
)
def test_a_proxy_that_does_not_respond(
    tmp_path: Path, given: Mapping[str, str], minute: int, *, fires: bool
) -> None:
    assert is_firing(tmp_path, PROXY_DOWN, given, minute) is fires


def connections(first: int, second: int, proxy: str = "database") -> dict[str, str]:
    current = {
        of_proxy("haproxy_frontend_current_sessions", pod, proxy): f"{number}x40"
        for pod, number in zip(PODS, (first, second), strict=True)
    }
    limits = {of_proxy("haproxy_frontend_limit_sessions", pod, proxy): "150x40" for pod in PODS}
    return current | limits


@pytest.mark.parametrize(("first", "second", "fires"), [(61, 60, True), (121, 0, True), (60, 60, False)])
def test_connections_of_both_proxies_reach_one_node(
    tmp_path: Path, first: int, second: int, *, fires: bool
) -> None:
    assert is_firing(tmp_path, NEAR_LIMIT, connections(first, second), 15) is fires


def test_other_listeners_of_the_proxies_do_not_count(tmp_path: Path) -> None:
    given = connections(10, 10) | connections(150, 150, proxy="health")
    assert not is_firing(tmp_path, NEAR_LIMIT, given, 15)
