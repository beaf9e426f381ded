"""The chart's databaseProxy in front of a Galera cluster of three pods; on an installation of its own.

The image of the cluster, which also has the HAProxy, is built by `make galera-image`.
"""

import os
import re
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx2
import pytest
import yaml

from chart.render import CHART
from cluster.conftest import pod_networks
from cluster.galera import LABELS, SERVICE, galera_cluster, node_names
from cluster.kube import SERVICES, Namespace, Release, kubectl
from cluster.measured import Measured
from cluster.people import Person, make_person, wait_for_login, wait_for_routes
from cluster.test_disruptions import assert_nothing_lost
from cluster.test_network import Outsider, attempt
from cluster.traffic import Outcomes, Traffic
from support.haproxy import HAProxy

_HOST: Final = "galera.example.com"
_READY_SECONDS: Final = 240
_OUTAGE_SECONDS: Final = 5.0
_BEFORE_SECONDS: Final = 3.0
_AFTER_SECONDS: Final = 6.0
_WHOLE_SECONDS: Final = 90.0
_ENOUGH: Final = 30
"""Requests of a kind."""
_PROXIES: Final = ("doorward-db-proxy-0", "doorward-db-proxy-1")
_METRICS_PORT: Final = 8405
_POLICY: Final = "templates/network/networkpolicy.yaml"

_METRICS: Final = f"""
exec 3<>/dev/tcp/127.0.0.1/{_METRICS_PORT}
printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3
cat <&3
"""
_WRITER: Final = (
    "mariadb --host=127.0.0.1 --user=haproxy_check --skip-ssl --skip-column-names --batch"
    " --execute 'SELECT @@wsrep_node_name'"
)


@dataclass(frozen=True)
class Installation:
    """The chart with proxies of a database, and those who use it."""

    release: Release
    namespace: Namespace
    image: str
    database: str
    client: httpx2.Client
    admin: Person
    measured: Measured
    traffic: Callable[[], Traffic]

    def in_proxy(self, pod: str, command: str) -> str:
        """Run a command in a proxy's pod; the image has a shell and a client."""
        return self.namespace.kubectl("exec", pod, "--", "bash", "-c", command)

    def writers(self) -> dict[str, str]:
        """Return which node a new connection through each proxy reaches."""
        return {pod: self.in_proxy(pod, _WRITER).strip() for pod in _PROXIES}

    def writer(self) -> str:
        """Return the node that both proxies have as the writer."""
        [writer] = set(self.writers().values())
        return writer

    def metric(self, name: str, more: str = "") -> dict[str, float]:
        """Return a metric of each node, added over both proxies."""
        found: dict[str, float] = {}
        for pod in _PROXIES:
            pattern = rf'^{name}\{{proxy="database",server="(n\d)"{more}\}} (\S+)$'
            for node, value in re.findall(pattern, self.in_proxy(pod, _METRICS), re.MULTILINE):
                found[node] = found.get(node, 0.0) + float(value)
        return found

    def connected_nodes(self) -> set[str]:
        """Return the nodes with connections, by their names in HAProxy."""
        return {node for node, number in self.metric("haproxy_server_current_sessions").items() if number}

    def start_nodes(self) -> None:
        """Start the nodes that were killed; each gets all data from another one."""
        self.namespace.kubectl("apply", "--filename", "-", given=self.database)

    def wait_until_whole(self) -> None:
        """Wait until both proxies reach all nodes."""
        self.namespace.rolled_out("statefulset/doorward-db-proxy", seconds=int(_WHOLE_SECONDS))
        deadline = time.monotonic() + _WHOLE_SECONDS
        while (up := self.metric("haproxy_server_status", ',state="UP"')) != {"n1": 2, "n2": 2, "n3": 2}:
            assert time.monotonic() < deadline, up
            time.sleep(0.5)

    def proxies(self) -> list[dict[str, Any]]:
        """Return the proxies' pods."""
        return self.namespace.objects("pods", "app.kubernetes.io/component=database-proxy")

    def disturb(self, what: str, action: Callable[[], object]) -> Outcomes:
        """Do something while requests arrive, and return what became of those since it began.

        Fails where an acknowledged write is missing, or where a failure is another one than 503.
        """
        with self.traffic() as traffic:
            traffic.run_for(_BEFORE_SECONDS)
            started = time.monotonic()
            action()
            traffic.run_until_recovered(quiet_seconds=_AFTER_SECONDS, limit=_WHOLE_SECONDS)
        outcomes = traffic.outcomes.since(started)
        self.measured.note("requests sent", what, len(outcomes.all))
        self.measured.note("requests failed", what, len(outcomes.failures))
        self.measured.note("seconds", f"503: {what}", outcomes.outage())
        assert {failure.status for failure in traffic.outcomes.failures} <= {503}, outcomes.summary()
        for kind in ("read", "write", "refresh"):
            assert traffic.outcomes.count(kind) > _ENOUGH, f"too few requests to judge by: {kind}"
        assert_nothing_lost(self.client, self.admin, traffic.outcomes)
        return outcomes


def server_of(node: str) -> str:
    """Return HAProxy's name of a node: db-0 is n1."""
    return f"n{int(node.removeprefix(f'{SERVICE}-')) + 1}"


def proxied_values(image: dict[str, str], namespace: str) -> dict[str, object]:
    small = {"replicaCount": 1, "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}}}
    unlimited = [{"name": "DOORWARD_TICKETS_PER_HOUR", "value": "100000"}]
    return {
        "image": image,
        "ingress": {"className": os.environ.get("INGRESS_CLASS", "nginx"), "host": _HOST},
        "trustedProxies": pod_networks(),
        "trustProxyRequestId": True,
        "admin": {"generatedPasswordMustChange": False},
        **dict.fromkeys(SERVICES, small),
        "tickets": {**small, "extraEnv": unlimited},
        "mariadb": {"enabled": False},
        "externalDatabase": {"manageAccounts": True, "egressTo": [{"podSelector": {"matchLabels": LABELS}}]},
        "databaseProxy": {
            "enabled": True,
            "image": f"{image['registry']}/doorward/galera:dev",
            "nodes": node_names(namespace),
            "resources": {"requests": {"cpu": "20m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
        },
        "networkPolicy": {"monitoringNamespaces": [f"{namespace}-monitoring"]},
    }


@pytest.fixture(scope="module")
def installation(
    namespace: Namespace,
    tmp_path_factory: pytest.TempPathFactory,
    image: dict[str, str],
    edge: HAProxy,
    tls: ssl.SSLContext,
    measured: Measured,
) -> Iterator[Installation]:
    own = Namespace(f"{namespace.name}-galera")
    own.create()
    path = tmp_path_factory.mktemp("galera") / "values.yaml"
    path.write_text(yaml.safe_dump(proxied_values(image, own.name)), encoding="utf-8")
    release = Release(own, "doorward", path)
    release.install()  # first, because the cluster takes the password that the chart generates
    secret = {"name": "doorward-database", "key": "root-password"}
    database = yaml.safe_dump_all(galera_cluster(f"{image['registry']}/doorward/galera:dev", secret))
    own.kubectl("apply", "--filename", "-", given=database)
    password = own.secret("doorward-admin", "admin-password")
    with httpx2.Client(
        base_url=edge.tls_url, verify=tls, headers={"Host": _HOST}, timeout=30, trust_env=False
    ) as client:
        admin = wait_for_login(client, "admin@example.com", password, _READY_SECONDS)
        own.rolled_out(*release.deployments)
        wait_for_routes(client, admin, _READY_SECONDS)
        people = [make_person(client, admin) for _ in range(8)]
        running = Installation(
            release,
            own,
            f"{image['registry']}/doorward/users:{image['tag']}",
            database,
            client,
            admin,
            measured,
            lambda: Traffic(edge.tls_url, tls, people, host=_HOST),
        )
        running.wait_until_whole()
        yield running
    own.delete()


def test_all_connections_reach_the_node_that_both_proxies_chose(installation: Installation) -> None:
    assert installation.connected_nodes() == {server_of(installation.writer())}


def test_a_killed_writer_loses_no_acknowledged_write(installation: Installation) -> None:
    writer = installation.writer()

    def kill() -> None:
        command = "kill -KILL $(cat /run/mysqld/mysqld.pid)"
        installation.namespace.kubectl("exec", writer, "--", "sh", "-c", command)
        installation.namespace.kubectl("delete", "pod", writer, "--grace-period=0", "--force")

    outcomes = installation.disturb("killed writer of a cluster", kill)
    assert outcomes.outage() < _OUTAGE_SECONDS, outcomes.summary()
    successor = installation.writer()
    assert successor != writer
    assert installation.connected_nodes() == {server_of(successor)}
    installation.start_nodes()  # its copy is made during the next test


@pytest.fixture
def monitoring(installation: Installation) -> Iterator[Outsider]:
    """A pod in the namespace of Prometheus, which the policy lets in with a ServiceMonitor alone."""
    release = installation.release
    path, only = str(release.values), f"--show-only={_POLICY}"
    policies = release.helm(
        "template", release.name, CHART, "--values", path, "--set=monitoring.serviceMonitor=true", only
    )
    installation.namespace.kubectl("apply", "--filename", "-", given=policies)
    own = Namespace(f"{installation.namespace.name}-monitoring")
    own.create()
    yield Outsider(own, installation.image, {})
    own.delete()


def test_prometheus_reaches_the_metrics_and_nothing_else(
    installation: Installation, monitoring: Outsider
) -> None:
    proxy = f"doorward-db-proxy.{installation.namespace.name}.svc"
    assert monitoring.connects(proxy, _METRICS_PORT)
    assert not monitoring.connects(proxy, 3306)
    assert not attempt(installation.namespace, "deployment/doorward-users", proxy, _METRICS_PORT)
    assert attempt(installation.namespace, "deployment/doorward-users", proxy, 3306), "control"


def test_a_drained_proxy_loses_nothing_and_comes_back_with_the_same_writer(
    installation: Installation,
) -> None:
    """The first node is back, and a proxy that knew nothing would choose it."""
    installation.start_nodes()
    installation.wait_until_whole()
    writer = installation.writer()
    (pod,) = [pod for pod in installation.proxies() if pod["metadata"]["name"] == "doorward-db-proxy-0"]
    labels = "app.kubernetes.io/component=database-proxy,app.kubernetes.io/instance=doorward"

    def drain() -> None:
        node = pod["spec"]["nodeName"]
        try:
            kubectl("drain", node, f"--pod-selector={labels}", "--timeout=120s")
        finally:
            kubectl("uncordon", node)
        installation.wait_until_whole()

    outcomes = installation.disturb("drained proxy of a cluster", drain)
    assert outcomes.outage() < _OUTAGE_SECONDS, outcomes.summary()
    after = {pod["metadata"]["uid"] for pod in installation.proxies()}
    assert pod["metadata"]["uid"] not in after, "control: the pod was evicted"
    assert installation.writers() == dict.fromkeys(_PROXIES, writer)
