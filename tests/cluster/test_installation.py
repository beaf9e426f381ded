"""The installation works, and its pods and routes are as restricted as documented."""

import os
import secrets
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cluster.kube import SERVICES, CommandError, Namespace, Release
from cluster.people import AUTH, Person, bearer, sign_in
from support.certificates import Certificate
from support.haproxy import HAProxy

pytestmark = pytest.mark.usefixtures("release")
TESTS = Path(__file__).parents[1]


def pods(namespace: Namespace, component: str) -> list[dict[str, Any]]:
    found = namespace.objects("pods", f"app.kubernetes.io/component={component}")
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def test_helm_test_passes(release: Release) -> None:
    assert "Phase:          Succeeded" in release.helm("test", release.name)


def test_the_end_to_end_tests_pass_through_the_load_balancer(
    release: Release, edge: HAProxy, certificate: Certificate, namespace: Namespace
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "e2e", "--base-url", edge.tls_url, "--ca-file", str(certificate.authority)],
        env={
            **os.environ,
            "PYTHONPATH": str(TESTS),
            "ADMIN_PASSWORD": namespace.secret("doorward-admin", "admin-password"),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{release.name}: {done.stdout[-3000:]}{done.stderr[-3000:]}"


def test_each_service_runs_on_more_than_one_node(namespace: Namespace) -> None:
    for service in SERVICES:
        assert len({pod["spec"]["nodeName"] for pod in pods(namespace, service)}) > 1, service


def test_every_container_is_restricted_and_its_root_read_only(namespace: Namespace) -> None:
    for pod in namespace.objects("pods"):
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["automountServiceAccountToken"] is False
        assert not any("serviceAccountToken" in str(volume) for volume in spec["volumes"])
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True, container["name"]
            assert context["capabilities"]["drop"] == ["ALL"], container["name"]
            assert context["allowPrivilegeEscalation"] is False, container["name"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_runs_unprivileged_and_writes_to_tmp_only(
    release: Release, namespace: Namespace, service: str
) -> None:
    deployment = f"deployment/{release.name}-{service}"
    assert namespace.kubectl("exec", deployment, "--", "id", "-u").strip() == "10001"
    namespace.kubectl("exec", deployment, "--", "touch", "/tmp/writable")
    for path in ("/opt/doorward/x", "/run/secrets/doorward/x", "/x"):
        with pytest.raises(CommandError, match=r"Read-only|Permission denied"):
            namespace.kubectl("exec", deployment, "--", "touch", path)


def test_the_clients_address_is_recorded_and_a_forged_one_is_not(
    edge: HAProxy, tls: ssl.SSLContext, admin: Person
) -> None:
    transport = httpx2.HTTPTransport(verify=tls, local_address="127.0.0.9")
    with httpx2.Client(base_url=edge.tls_url, transport=transport, trust_env=False) as client:
        forged = {
            "X-Forwarded-For": "203.0.113.7",
            "X-Real-IP": "203.0.113.7",
            "Forwarded": "for=203.0.113.7",
        }
        client.headers.update(forged)
        person = sign_in(client, admin.email, admin.password)
        answer = client.get(f"{AUTH}/sessions", headers=bearer(person))
    (current,) = [item for item in answer.json()["items"] if item["current"]]
    assert current["ip"] == "127.0.0.9"


def test_only_the_api_is_reachable_from_outside(client: httpx2.Client) -> None:
    for path in ("/livez", "/readyz", "/metrics", "/docs", "/api/v1/usersX", "/api/v1/auth/../../metrics"):
        assert client.get(path).status_code in {400, 404}, path


def test_an_unknown_value_is_rejected(release: Release) -> None:
    misspelt = f"auth.replicas{secrets.token_hex(2)}=3"
    with pytest.raises(CommandError, match="additional properties"):
        release.helm("upgrade", release.name, "charts/doorward", "--dry-run=client", "--set", misspelt)
