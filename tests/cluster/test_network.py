"""Which connections NetworkPolicy allows. Each denied connection has a control that is allowed."""

import json
import time
from collections.abc import Iterator

import pytest

from cluster.kube import SERVICES, CommandError, Namespace, Release
from cluster.pods import restricted_pod

CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=4).close()
    print("connected")
except OSError as error:
    print("refused", error)
"""


class Outsider:
    """A pod with an image of the release, but not part of it."""

    def __init__(self, namespace: Namespace, image: str, labels: dict[str, str]) -> None:
        self.namespace = namespace
        self.name = f"outsider-{time.monotonic_ns()}"
        sleeping = {"image": image, "command": ["sleep", "600"]}
        pod = restricted_pod(self.name, labels, 10001, sleeping)
        namespace.kubectl("apply", "--filename", "-", given=json.dumps(pod))
        namespace.kubectl("wait", f"pod/{self.name}", "--for=condition=Ready", "--timeout=90s")

    def connects(self, host: str, port: int) -> bool:
        """Whether the pod can connect."""
        return attempt(self.namespace, f"pod/{self.name}", host, port)

    def remove(self) -> None:
        self.namespace.kubectl("delete", "pod", self.name, "--grace-period=0", "--force")


def attempt(namespace: Namespace, where: str, host: str, port: int) -> bool:
    said = namespace.kubectl("exec", where, "--", "python", "-c", CONNECT, host, str(port))
    return said.startswith("connected")


@pytest.fixture(scope="module")
def reference(release: Release, namespace: Namespace) -> str:
    (deployment,) = [
        resource
        for resource in namespace.objects("deployments")
        if resource["metadata"]["name"] == f"{release.name}-users"
    ]
    name: str = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    return name


@pytest.fixture(scope="module")
def elsewhere(release: Release, reference: str) -> Iterator[Outsider]:
    """A pod in another namespace."""
    namespace = Namespace(f"{release.namespace.name}-outsiders")
    namespace.create()
    yield Outsider(namespace, reference, {})
    namespace.delete()


@pytest.fixture(scope="module")
def pod_of_namespace(namespace: Namespace, reference: str) -> Iterator[Outsider]:
    """A pod in the same namespace."""
    outsider = Outsider(namespace, reference, {"app": "something-else"})
    yield outsider
    outsider.remove()


@pytest.fixture(scope="module")
def migration(namespace: Namespace, reference: str) -> Iterator[Outsider]:
    """The control: a pod with the labels of the migration Job, which may connect to the database."""
    labels = {
        "app.kubernetes.io/name": "doorward",
        "app.kubernetes.io/instance": "doorward",
        "app.kubernetes.io/component": "migrate",
    }
    outsider = Outsider(namespace, reference, labels)
    yield outsider
    outsider.remove()


def test_outsiders_reach_neither_the_database_nor_a_service(
    elsewhere: Outsider, pod_of_namespace: Outsider, migration: Outsider, namespace: Namespace
) -> None:
    database = f"doorward-mariadb.{namespace.name}.svc"
    assert migration.connects(database, 3306)
    for outsider in (elsewhere, pod_of_namespace):
        assert not outsider.connects(database, 3306)
        ports = {**dict.fromkeys(SERVICES, 8000), "valkey": 6379, "dev-mailbox": 1025}
        for service, port in ports.items():
            assert not outsider.connects(f"doorward-{service}.{namespace.name}.svc", port), service


def test_services_reach_no_other_address(namespace: Namespace, elsewhere: Outsider) -> None:
    other = ("kubernetes.default.svc", 443)
    assert elsewhere.connects(*other), "control: the address is reachable"
    for service in SERVICES:
        assert not attempt(namespace, f"deployment/doorward-{service}", *other), service


def test_services_reach_only_what_they_need(namespace: Namespace) -> None:
    tickets, users = "deployment/doorward-tickets", "deployment/doorward-users"
    assert attempt(namespace, tickets, "doorward-auth", 8000)
    assert attempt(namespace, users, "doorward-mariadb", 3306)
    assert not attempt(namespace, users, "doorward-tickets", 8000)
    assert attempt(namespace, tickets, "doorward-dev-mailbox", 1025)
    assert not attempt(namespace, users, "doorward-dev-mailbox", 1025)


def test_the_database_reaches_no_service(namespace: Namespace) -> None:
    with pytest.raises(CommandError):
        namespace.kubectl(
            "exec",
            "statefulset/doorward-mariadb",
            "--",
            "timeout",
            "4",
            "bash",
            "-c",
            "exec 3<>/dev/tcp/doorward-auth/8000",
        )
