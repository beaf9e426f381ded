"""Each rule of chart.policy, violated once in deploy/manifests."""

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import yaml

from chart.manifests import FOLDER, OVERLAYS
from chart.policy import Object, pod_spec, problems


@cache
def _rendered(overlay: str) -> list[Object]:
    text = (FOLDER / overlay / "doorward.yaml").read_text(encoding="utf-8")
    return list(yaml.safe_load_all(text))


def _named(objects: list[Object], kind: str) -> Object:
    return next(
        resource
        for resource in objects
        if resource["kind"] == kind and resource["metadata"]["name"] == "doorward-users"
    )


def _set(*path: str | int, value: Any) -> Callable[[Object], None]:
    def change(at: Any) -> None:
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value

    return change


CONTAINERS = {
    "privileged": _set("securityContext", "privileged", value=True),
    "escalation": _set("securityContext", "allowPrivilegeEscalation", value=True),
    "writable root": _set("securityContext", "readOnlyRootFilesystem", value=False),
    "a capability": _set("securityContext", "capabilities", "add", value=["NET_RAW"]),
    "no security context": _set("securityContext", value=None),
    "latest": _set("image", value="registry.example.com/doorward/users:latest"),
    "no tag": _set("image", value="registry.example.com/doorward/users"),
    "no registry": _set("image", value="doorward/users:0.1.0"),
    "no memory limit": _set("resources", "limits", value={}),
    "a CPU limit": _set("resources", "limits", "cpu", value=1),
    "no request": _set("resources", "requests", value={"cpu": "50m"}),
    "no liveness probe": _set("livenessProbe", value={}),
    "no readiness probe": _set("readinessProbe", value={}),
    "unknown probe port": _set("readinessProbe", "httpGet", "port", value="web"),
    "a hook of Kubernetes 1.30": _set("lifecycle", value={"preStop": {"sleep": {"seconds": 5}}}),
    "unknown volume": _set("volumeMounts", 0, "name", value="gone"),
    "a secret in the environment": _set("env", 0, value={"name": "DB_PASSWORD", "value": "hunter2"}),
}
PODS = {
    "root": _set("securityContext", "runAsUser", value=0),
    "perhaps root": _set("securityContext", "runAsNonRoot", value=None),
    "no seccomp profile": _set("securityContext", "seccompProfile", value=None),
    "sysctls": _set("securityContext", "sysctls", value=[{"name": "net.core.somaxconn", "value": "9"}]),
    "the network of the host": _set("hostNetwork", value=True),
    "processes of the host": _set("hostPID", value=True),
    "files of the host": _set("volumes", 0, value={"name": "tmp", "hostPath": {"path": "/etc"}}),
    "a token": _set("automountServiceAccountToken", value=True),
    "another account": _set("serviceAccountName", value="default"),
    "killed before requests are done": _set("terminationGracePeriodSeconds", value=30),
}
SERVICES = {
    "open to the world": _set("type", value="LoadBalancer"),
    "unknown port": _set("ports", 0, "targetPort", value="web"),
}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_manifests_follow_the_rules(overlay: str) -> None:
    assert problems(_rendered(overlay)) == []


@pytest.mark.parametrize(
    ("change", "part"),
    [
        *(pytest.param(one, lambda spec: spec["containers"][0], id=name) for name, one in CONTAINERS.items()),
        *(pytest.param(one, lambda spec: spec, id=name) for name, one in PODS.items()),
    ],
)
def test_a_pod_that_breaks_a_rule(change: Callable[[Object], None], part: Callable[[Object], Object]) -> None:
    broken = copy.deepcopy(_rendered("dev"))
    change(part(pod_spec(_named(broken, "Deployment"))))
    (problem,) = problems(broken)
    assert problem.startswith("Deployment/doorward-users: ")


@pytest.mark.parametrize("change", [pytest.param(one, id=name) for name, one in SERVICES.items()])
def test_a_service_that_breaks_a_rule(change: Callable[[Object], None]) -> None:
    broken = copy.deepcopy(_rendered("dev"))
    change(_named(broken, "Service")["spec"])
    (problem,) = problems(broken)
    assert problem.startswith("Service/doorward-users: ")


def test_an_init_container_is_checked() -> None:
    broken = copy.deepcopy(_rendered("dev"))
    job = next(one for one in broken if one["metadata"]["name"].startswith("doorward-migrate-"))
    del pod_spec(job)["initContainers"][0]["resources"]
    assert len(problems(broken)) == 1


def test_a_role_is_rejected() -> None:
    role: Object = {"kind": "ClusterRoleBinding", "metadata": {"name": "everything"}}
    assert problems([*_rendered("dev"), role]) == ["ClusterRoleBinding/everything: kind is not allowed"]


def test_a_name_is_used_once() -> None:
    service = _named(_rendered("dev"), "Service")
    assert problems([*_rendered("dev"), service]) == ["Service/doorward-users: 2 objects with this name"]
