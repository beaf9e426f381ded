"""Who may connect to whom. Every refusal has a control beside it: the same attempt by somebody who may."""

import json
import time
from collections.abc import Iterator

import pytest

from cluster.kube import CommandError, Namespace, Release
from cluster.pods import restricted_pod

CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=4).close()
    print("connected")
except OSError as error:
    print("refused", error)
"""


class Stranger:
    """A pod with the product's image and no part in the release."""

    def __init__(self, namespace: Namespace, image: str, labels: dict[str, str]) -> None:
        self.namespace = namespace
        self.name = f"stranger-{time.monotonic_ns()}"
        sleeping = {"image": image, "command": ["sleep", "600"]}
        pod = restricted_pod(self.name, labels, 10001, sleeping)
        namespace.kubectl("apply", "--filename", "-", given=json.dumps(pod))
        namespace.kubectl("wait", f"pod/{self.name}", "--for=condition=Ready", "--timeout=90s")

    def connects(self, host: str, port: int) -> bool:
        """Tell whether a connection is made from the pod."""
        return attempt(self.namespace, f"pod/{self.name}", host, port)

    def remove(self) -> None:
        self.namespace.kubectl("delete", "pod", self.name, "--grace-period=0", "--force")


def attempt(namespace: Namespace, where: str, host: str, port: int) -> bool:
    said = namespace.kubectl("exec", where, "--", "python", "-c", CONNECT, host, str(port))
    return said.startswith("connected")


@pytest.fixture(scope="module")
def image(release: Release, namespace: Namespace) -> str:
    (deployment,) = [
        one for one in namespace.objects("deployments") if one["metadata"]["name"] == f"{release.name}-users"
    ]
    name: str = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    return name


@pytest.fixture(scope="module")
def elsewhere(release: Release, image: str) -> Iterator[Stranger]:
    """Somebody in another namespace."""
    namespace = Namespace(f"{release.namespace.name}-strangers")
    namespace.create()
    yield Stranger(namespace, image, {})
    namespace.delete()


@pytest.fixture(scope="module")
def beside(namespace: Namespace, image: str) -> Iterator[Stranger]:
    """Somebody in the same namespace."""
    stranger = Stranger(namespace, image, {"app": "something-else"})
    yield stranger
    stranger.remove()


@pytest.fixture(scope="module")
def migrating(namespace: Namespace, image: str) -> Iterator[Stranger]:
    """The control: somebody with the labels of a migration, who may reach the database."""
    labels = {
        "app.kubernetes.io/name": "doorward",
        "app.kubernetes.io/instance": "doorward",
        "app.kubernetes.io/component": "migrate",
    }
    stranger = Stranger(namespace, image, labels)
    yield stranger
    stranger.remove()


def test_strangers_reach_neither_the_database_nor_a_service(
    elsewhere: Stranger, beside: Stranger, migrating: Stranger, namespace: Namespace
) -> None:
    database = f"doorward-mariadb.{namespace.name}.svc"
    assert migrating.connects(database, 3306)
    for stranger in (elsewhere, beside):
        assert not stranger.connects(database, 3306)
        for service, port in {"auth": 8000, "users": 8000, "tickets": 8000, "valkey": 6379}.items():
            assert not stranger.connects(f"doorward-{service}.{namespace.name}.svc", port), service


def test_services_do_not_reach_the_world(namespace: Namespace, elsewhere: Stranger) -> None:
    world = ("kubernetes.default.svc", 443)
    assert elsewhere.connects(*world), "the control: it can be reached"
    for service in ("auth", "users", "tickets"):
        assert not attempt(namespace, f"deployment/doorward-{service}", *world), service


def test_services_reach_what_they_need_and_no_more(namespace: Namespace) -> None:
    tickets, users = "deployment/doorward-tickets", "deployment/doorward-users"
    assert attempt(namespace, tickets, "doorward-auth", 8000)
    assert attempt(namespace, users, "doorward-mariadb", 3306)
    assert not attempt(namespace, users, "doorward-tickets", 8000)


def test_the_database_reaches_nobody(namespace: Namespace) -> None:
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
