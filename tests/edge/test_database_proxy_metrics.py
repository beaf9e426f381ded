"""The metrics of database.cfg: HAProxy has what alerts and the dashboard read."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from chart.haproxy_metrics import LABELS
from edge.test_database_proxies import CONFIG
from support.ports import free_port
from support.probes import http_status, http_text
from support.processes import Process
from support.requirements import HAPROXY, need

LIMIT: Final = 150
_SAMPLE: Final = re.compile(r'^(haproxy_\w+)\{(.*proxy="database".*)\} (\S+)$', re.MULTILINE)


class DatabaseProxy(Process):
    """A proxy whose nodes do not listen."""

    def __init__(self, folder: Path) -> None:
        self.metrics_port = free_port()
        env = {
            "DOORWARD_DATABASE_BIND": f"127.0.0.1:{free_port()}",
            "DOORWARD_DATABASE_METRICS_BIND": f"127.0.0.1:{self.metrics_port}",
            "DOORWARD_DATABASE_MAX_CONNECTIONS": str(LIMIT),
            **{f"DOORWARD_DATABASE_NODE_{number}": f"127.0.0.1:{free_port()}" for number in (1, 2, 3)},
        }
        super().__init__(
            "database-proxy",
            [need(HAPROXY), "-db", "-f", CONFIG],
            log=folder / "haproxy.log",
            ready=lambda: http_status(self.metrics_port, "/metrics") == 200,
            env=env,
        )


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseProxy]:
    with DatabaseProxy(tmp_path_factory.mktemp("database-proxy")) as running:
        yield running


@pytest.fixture
def samples(proxy: DatabaseProxy) -> list[tuple[str, str, str]]:
    """Return name, labels and value of each sample."""
    return _SAMPLE.findall(http_text(proxy.metrics_port, "/metrics"))


def test_haproxy_has_each_metric_with_its_labels(samples: list[tuple[str, str, str]]) -> None:
    found = {name: frozenset(re.findall(r"(\w+)=", labels)) for name, labels, _ in samples}
    assert {name: found.get(name) for name in LABELS} == LABELS


def test_a_node_is_up_or_not(samples: list[tuple[str, str, str]]) -> None:
    states = {
        label
        for name, labels, _ in samples
        if name == "haproxy_server_status"
        for label in re.findall(r'state="(\w+)"', labels)
    }
    assert "UP" in states


def test_the_limit_is_that_of_the_environment(samples: list[tuple[str, str, str]]) -> None:
    limits = [value for name, _, value in samples if name == "haproxy_frontend_limit_sessions"]
    assert limits == [str(LIMIT)]


def test_metrics_are_all_that_the_port_has(proxy: DatabaseProxy) -> None:
    for path in ("/", "/stats", "/readyz", "/metrics/x"):
        assert http_status(proxy.metrics_port, path) == 404, path
