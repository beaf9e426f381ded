"""Each rule of chart.upstream_access, violated once."""

from typing import Any

import pytest

from chart.upstream_access import EGRESS, problems

VALUES = "upstreams-file-values.yaml"
KEYS = {"secret": {"name": "vault", "items": [{"key": "vault-keys.json", "path": "vault-keys.json"}]}}
WHOLE = {"secret": {"name": "upstreams"}}


def deployment(name: str, *sources: dict[str, Any]) -> dict[str, Any]:
    pod = {
        "containers": [{"name": name}],
        "volumes": [{"name": "upstreams", "projected": {"sources": list(sources)}}],
    }
    return {"kind": "Deployment", "metadata": {"name": name}, "spec": {"template": {"spec": pod}}}


def policy(ports: set[int], component: str = "auth") -> dict[str, Any]:
    rule = {
        "to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}],
        "ports": [{"port": port} for port in sorted(ports)],
    }
    selector = {"matchLabels": {"app.kubernetes.io/component": component}}
    spec = {"podSelector": selector, "policyTypes": ["Egress"], "egress": [rule]}
    return {"kind": "NetworkPolicy", "metadata": {"name": "doorward-upstreams-egress"}, "spec": spec}


GOOD = [
    deployment("auth", WHOLE, KEYS),
    deployment("rotate-vault", KEYS),
    deployment("users"),
    policy({443, 9009}),
]


def test_a_release_with_upstreams() -> None:
    assert problems(VALUES, GOOD) == []


def test_a_release_without_upstreams() -> None:
    assert problems("minimal-values.yaml", [deployment("auth"), deployment("users")]) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (deployment("auth", KEYS), "Deployment/auth: lacks upstreams.json"),
        (deployment("auth", WHOLE), "Deployment/auth: lacks vault-keys.json"),
        (deployment("rotate-vault"), "Deployment/rotate-vault: lacks vault-keys.json"),
        (deployment("users", KEYS), "Deployment/users: mounts vault-keys.json"),
        (deployment("users", WHOLE), "Deployment/users: mounts upstreams.json"),
    ],
)
def test_a_pod_with_too_little_or_too_much(changed: dict[str, Any], said: str) -> None:
    name = changed["metadata"]["name"]
    assert problems(VALUES, [changed if one["metadata"]["name"] == name else one for one in GOOD]) == [said]


@pytest.mark.parametrize("ports", [{443}, {443, 9009, 22}])
def test_other_connections_than_those_to_the_upstreams(ports: set[int]) -> None:
    (problem,) = problems(VALUES, [*GOOD[:-1], policy(ports)])
    assert str(EGRESS[VALUES]) in problem


def test_another_pod_with_the_connections_of_auth() -> None:
    found = problems(VALUES, [*GOOD[:-1], policy({443, 9009}, component="users")])
    assert found == ["NetworkPolicy/doorward-upstreams-egress: is not for auth alone"]


def test_objects_of_upstreams_in_a_release_without() -> None:
    found = problems("minimal-values.yaml", [policy({443})])
    assert "NetworkPolicy/doorward-upstreams-egress: there is no upstream" in found
