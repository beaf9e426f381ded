"""One installation of the chart for all tests of this folder, behind a HAProxy on this machine.

A second one (test_production.py) is applied with kubectl and uses an external database. Users of Kubernetes
(test_kubectl_users.py) need an API server of their own, because settings of the cluster's cannot be changed.
"""

import json
import os
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx2
import pytest
import yaml

from cluster.kube import Namespace, Release, kubectl
from cluster.measured import Measured
from cluster.people import Person, make_person, sign_in, wait_for_login
from support.certificates import Certificate, self_signed
from support.haproxy import HAProxy

_IMAGE: Final = {
    "registry": os.environ.get("REGISTRY", "localhost"),
    "tag": os.environ.get("IMAGE_TAG", "dev"),
}
_INGRESS_CLASS: Final = os.environ.get("INGRESS_CLASS", "nginx")
_READY_SECONDS: Final = 300


# Pods come to rest during "network" and "images", which "load" measures first.
_ORDER: Final = (
    "kubectl_users",
    "installation",
    "mail",
    "network",
    "images",
    "load",
    "production",
    "database_proxy",
    "disruptions",
    "name_servers",
    "procedures",
    "extra_service",
    "uninstall",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the files in the order above, after the tests of other folders, which the hook gets as well."""
    ours = Path(__file__).parent
    items.sort(
        key=lambda item: (
            _ORDER.index(item.path.stem.removeprefix("test_")) if item.path.parent == ours else -1
        )
    )


@pytest.fixture(scope="session")
def measured() -> Iterator[Measured]:
    """Figures of this run, written to reports/cluster.json at the end."""
    measured = Measured()
    yield measured
    measured.save()


@pytest.fixture(scope="session")
def image() -> dict[str, str]:
    """The images of `make cluster-images`, as a value of the chart."""
    return _IMAGE


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture(scope="session")
def certificate(folder: Path) -> Certificate:
    return self_signed(folder)


@pytest.fixture(scope="session")
def tls(certificate: Certificate) -> ssl.SSLContext:
    return certificate.client_context()


@pytest.fixture(scope="session")
def edge(folder: Path, certificate: Certificate) -> Iterator[HAProxy]:
    """HAProxy as shipped, in front of the ingress on every node."""
    with HAProxy(folder, nodes=ingress_addresses(), certificate=certificate) as haproxy:
        yield haproxy


def ingress_addresses() -> list[str]:
    """Return `address:port` of the ingress on each node: INGRESS_NODES, or the node port of its Service."""
    if given := os.environ.get("INGRESS_NODES"):
        return given.split()
    services = json.loads(kubectl("get", "services", "--all-namespaces", "--output", "json"))["items"]
    ports = [
        port["nodePort"]
        for service in services
        if "ingress" in service["metadata"]["name"]
        and service["spec"]["type"] in {"NodePort", "LoadBalancer"}
        for port in service["spec"]["ports"]
        if port["port"] == 80
    ]
    assert ports, "no ingress controller with a node port: set INGRESS_NODES"
    nodes = json.loads(kubectl("get", "nodes", "--output", "json"))["items"]
    return [
        f"{address['address']}:{ports[0]}"
        for node in nodes
        for address in node["status"]["addresses"]
        if address["type"] == "InternalIP"
    ]


def pod_networks() -> list[str]:
    """Return the pod networks, which include the ingress controller."""
    nodes = json.loads(kubectl("get", "nodes", "--output", "json"))["items"]
    networks = [node["spec"]["podCIDR"] for node in nodes if node["spec"].get("podCIDR")]
    return networks or os.environ.get("POD_NETWORKS", "10.0.0.0/8,172.16.0.0/12,198.18.0.0/15").split(",")


@pytest.fixture(scope="session")
def namespace() -> Iterator[Namespace]:
    namespace = Namespace(f"doorward-test-{int(time.time())}")
    namespace.create()
    yield namespace
    if not os.environ.get("KEEP_NAMESPACE"):
        namespace.delete()


@pytest.fixture(scope="session")
def release(
    namespace: Namespace, folder: Path, edge: HAProxy, tls: ssl.SSLContext, measured: Measured
) -> Release:
    """Install the chart with small resource requests, and wait for the first login."""
    small = {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"memory": "384Mi"}}
    # A disk shared with the whole cluster may take seconds for a commit while a node's pods move.
    patient = [{"name": "DOORWARD_DATABASE_TIMEOUT_SECONDS", "value": "10"}]
    # Writers create several tickets a second, for minutes.
    unlimited = [{"name": "DOORWARD_TICKETS_PER_HOUR", "value": "100000"}]
    values = {
        "image": _IMAGE,
        "ingress": {"className": _INGRESS_CLASS, "host": "localhost"},
        "trustedProxies": pod_networks(),
        "trustProxyRequestId": True,  # of HAProxy in front
        # The tests log in with the generated password.
        "admin": {"generatedPasswordMustChange": False},
        "valkey": {"enabled": True},
        "devMailbox": {"enabled": True},
        "registration": "open",
        **{service: {"resources": small, "extraEnv": patient} for service in ("auth", "users")},
        "tickets": {"resources": small, "extraEnv": [*patient, *unlimited]},
        "mariadb": {"storage": "1Gi", "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}}},
    }
    path = folder / "values.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    release = Release(namespace, "doorward", path)
    started = time.monotonic()
    release.install()
    password = namespace.secret("doorward-admin", "admin-password")
    with httpx2.Client(base_url=edge.tls_url, verify=tls, timeout=10, trust_env=False) as client:
        wait_for_login(client, "admin@example.com", password, _READY_SECONDS)
    measured.note("seconds", "from `helm install` to the first login", time.monotonic() - started)
    namespace.rolled_out(*release.deployments)
    return release


@pytest.fixture(scope="session")
def client(edge: HAProxy, tls: ssl.SSLContext) -> Iterator[httpx2.Client]:
    """A client outside the cluster, through HAProxy."""
    with httpx2.Client(base_url=edge.tls_url, verify=tls, timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture
def admin(release: Release, client: httpx2.Client) -> Person:
    return sign_in(client, "admin@example.com", release.namespace.secret("doorward-admin", "admin-password"))


@pytest.fixture
def people(client: httpx2.Client, admin: Person) -> list[Person]:
    """Eight users with sessions, for traffic."""
    return [make_person(client, admin) for _ in range(8)]
