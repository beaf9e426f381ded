"""Cluster DNS that is away, and a name with a new address; each while requests arrive."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import httpx2

from cluster.kube import Namespace, kubectl
from cluster.people import USERS, Person, bearer
from cluster.test_disruptions import (
    ClusterSetup,
    assert_nothing_failed,
    assert_nothing_lost,
    complete,  # noqa: F401 - a fixture
    setup,  # noqa: F401 - a fixture
)

_DATABASE: Final = "doorward-mariadb"
_AWAY_SECONDS: Final = 30.0
_BEFORE_SECONDS: Final = 4.0
_FOUND_SECONDS: Final = 2.0
_SETTLED_SECONDS: Final = 120.0
_DNS: Final = ("--namespace", "kube-system")
_DNS_LABEL: Final = "k8s-app=kube-dns"
"""Label of CoreDNS in every distribution that follows kubeadm."""

# Reads only: a connection that is killed during COMMIT would leave an unknown outcome.
_KILL: Final = """
export MYSQL_PWD="$(cat /run/secrets/doorward/root-password)"
mariadb --user=root --skip-column-names --batch --execute \
  "SELECT CONCAT('KILL ', ID, ';') FROM information_schema.PROCESSLIST WHERE USER = 'doorward_users'" |
  mariadb --user=root --force
"""
_RESOLVE: Final = """
import socket, sys
found = set()
for _ in range(20):
    try:
        found |= {one[4][0] for one in socket.getaddrinfo(sys.argv[1], 3306, type=socket.SOCK_STREAM)}
    except socket.gaierror as error:
        found = {str(error.errno)}
        break
print(*sorted(found))
"""


def name_servers() -> dict[str, int]:
    """Return the Deployments of cluster DNS, with their numbers of pods."""
    found = json.loads(
        kubectl(*_DNS, "get", "deployments", "--selector", _DNS_LABEL, "--output", "json"),
    )["items"]
    assert found, f"no Deployment of kube-system has the label {_DNS_LABEL}"
    return {deployment["metadata"]["name"]: deployment["spec"]["replicas"] for deployment in found}


@contextmanager
def without_name_servers(namespace: Namespace) -> Iterator[None]:
    """Let no pod of cluster DNS run during the block."""
    before = name_servers()
    try:
        for name in before:
            kubectl(*_DNS, "scale", "deployment", name, "--replicas=0")
        kubectl(*_DNS, "wait", "pods", "--selector", _DNS_LABEL, "--for=delete", "--timeout=120s")
        assert resolved(namespace, _DATABASE).startswith("-"), "control: names do not resolve"
        yield
    finally:
        for name, count in before.items():
            kubectl(*_DNS, "scale", "deployment", name, f"--replicas={count}")
        for name in before:
            kubectl(*_DNS, "rollout", "status", f"deployment/{name}", "--timeout=180s")


def resolved(namespace: Namespace, name: str) -> str:
    """Resolve a name in a new process in a pod of users; return the addresses, or a negative number."""
    return namespace.kubectl(
        "exec", "deployment/doorward-users", "--", "python", "-c", _RESOLVE, name
    ).strip()


def kill_connections_of_users(namespace: Namespace) -> None:
    """Close every connection of users to the database: the next requests open new ones, by name."""
    namespace.kubectl("exec", f"statefulset/{_DATABASE}", "--", "bash", "-c", _KILL)


def logged(namespace: Namespace, event: str) -> bool:
    """Whether a pod of users has logged an event."""
    pods = namespace.objects("pods", "app.kubernetes.io/component=users")
    return any(event in namespace.kubectl("logs", pod["metadata"]["name"]) for pod in pods)


def until(deadline: float, what: str, condition: Callable[[], bool]) -> None:
    while not condition():
        assert time.monotonic() < deadline, f"not {what}"
        time.sleep(0.5)


def test_nothing_fails_while_cluster_dns_is_away(setup: ClusterSetup) -> None:  # noqa: F811 - a fixture
    def away() -> None:
        with without_name_servers(setup.namespace):
            started = time.monotonic()
            kill_connections_of_users(setup.namespace)
            traffic.run_for(_AWAY_SECONDS / 2)
            kill_connections_of_users(setup.namespace)
            traffic.run_for(max(0.0, started + _AWAY_SECONDS - time.monotonic()))

    with setup.traffic() as traffic:
        traffic.run_for(_BEFORE_SECONDS)
        setup.do("30 s without cluster DNS", away, traffic)
        traffic.run_for(_BEFORE_SECONDS)
    assert_nothing_failed(traffic.outcomes)
    assert_nothing_lost(setup.client, setup.admin, traffic.outcomes)
    assert logged(setup.namespace, "dns.unavailable"), "control: a name was looked up meanwhile"


def new_address(namespace: Namespace, name: str) -> tuple[str, str]:
    """Create a Service anew, so that it gets another address; return the old one and the new one."""
    service = json.loads(namespace.kubectl("get", "service", name, "--output", "json"))
    old: str = service["spec"]["clusterIP"]
    for part, keys in (
        ("metadata", ("uid", "resourceVersion", "creationTimestamp", "managedFields")),
        ("spec", ("clusterIP", "clusterIPs")),
    ):
        for key in keys:
            service[part].pop(key, None)
    service.pop("status", None)
    namespace.kubectl("delete", "service", name)
    namespace.kubectl("create", "--filename", "-", given=json.dumps(service))
    new: str = json.loads(namespace.kubectl("get", "service", name, "--output", "json"))["spec"]["clusterIP"]
    assert new != old, "the cluster gave the same address again"
    return old, new


def seconds_until_read(client: httpx2.Client, person: Person) -> float:
    """Read an account until it is answered; return how long that took."""
    started = time.monotonic()
    while client.get(f"{USERS}/me", headers=bearer(person)).status_code != 200:
        assert time.monotonic() < started + _SETTLED_SECONDS, "no read is answered"
    return time.monotonic() - started


def test_a_changed_address_is_found_at_once(setup: ClusterSetup) -> None:  # noqa: F811 - a fixture
    old, new = new_address(setup.namespace, _DATABASE)
    # CoreDNS repeats an answer for some seconds: the services can know no earlier than it says so.
    until(
        time.monotonic() + _SETTLED_SECONDS,
        f"{new} instead of {old}",
        lambda: resolved(setup.namespace, _DATABASE) == new,
    )
    kill_connections_of_users(setup.namespace)
    seconds = seconds_until_read(setup.client, setup.admin)
    setup.measured.note("seconds", "until a new address of the database was used", seconds)
    assert seconds < _FOUND_SECONDS
    # Connections of the other services end with the old address, where the network keeps no state of them.
    with setup.traffic() as traffic:
        traffic.run_until_recovered(quiet_seconds=8, limit=_SETTLED_SECONDS)
        settled = time.monotonic()
        traffic.run_for(_BEFORE_SECONDS)
    assert traffic.outcomes.since(settled).failures == [], traffic.outcomes.summary()
