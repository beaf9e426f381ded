"""Rules for rendered objects that neither a schema nor kube-score checks (docs/adr/0022-fewer-linters.md)."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

from chart.render import label

Object = dict[str, Any]

_KINDS: Final = frozenset(
    {
        "ConfigMap",
        "CronJob",
        "Deployment",
        "HTTPRoute",
        "HorizontalPodAutoscaler",
        "Ingress",
        "Job",
        "NetworkPolicy",
        "Pod",
        "PodDisruptionBudget",
        "PrometheusRule",
        "Secret",
        "Service",
        "ServiceAccount",
        "ServiceMonitor",
        "StatefulSet",
    }
)
"""No roles and role bindings: pods do not use the Kubernetes API. No DaemonSets."""

_CONTAINER_SECURITY: Final = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
_HOST_FIELDS: Final = ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace")
_VOLUMES: Final = frozenset({"name", "configMap", "emptyDir", "persistentVolumeClaim", "projected"})
_IMAGE: Final = re.compile(
    r"(localhost|[\w-]+(\.[\w-]+)+)(:\d+)?/[\w./-]+(@sha256:[0-9a-f]{64}|:(?!latest$)[\w.-]+)"
)
# The site key of a captcha is in pages.
_SECRET_NAME: Final = re.compile(r"(PASSWORD|SECRET|TOKEN|(?<!SITE_)KEY)$")
_LONG_RUNNING: Final = frozenset({"Deployment", "StatefulSet"})
_REQUESTS_IN_FLIGHT_SECONDS: Final = 20


def problems(objects: Iterable[Object]) -> list[str]:
    """Return the violations in the objects of one release."""
    found = list(objects)
    wrong = [f"{label(resource)}: {problem}" for resource in found for problem in _problems(resource, found)]
    counted = Counter(label(resource) for resource in found)
    return wrong + [
        f"{name}: {number} objects with this name" for name, number in counted.items() if number > 1
    ]


def pod_spec(found: Object) -> Object:
    """Return the specification of the pods that an object creates, {} without any."""
    if found["kind"] == "Pod":
        spec: Object = found["spec"]
        return spec
    spec = found.get("spec", {})
    while "template" in spec or "jobTemplate" in spec:
        spec = (spec.get("template") or spec["jobTemplate"])["spec"]
    return spec if "containers" in spec else {}


def containers(pod: Object) -> list[Object]:
    """Return the containers of a pod, init containers first."""
    return [*pod.get("initContainers", []), *pod.get("containers", [])]


def _problems(found: Object, release: list[Object]) -> Iterator[str]:
    if found["kind"] not in _KINDS:
        yield "kind is not allowed"
    if found["kind"] == "Service":
        yield from _service_problems(found["spec"], release)
    if pod := pod_spec(found):
        yield from _pod_problems(pod, release)
        for container in containers(pod):
            for problem in _container_problems(container, pod, found["kind"]):
                yield f"{container['name']}: {problem}"


def _service_problems(spec: Object, release: list[Object]) -> Iterator[str]:
    if spec.get("type", "ClusterIP") != "ClusterIP":
        yield "type is not ClusterIP"
    pods = [pod_spec(resource) for resource in release]
    known = {port["name"] for pod in pods for each in containers(pod) for port in each.get("ports", [])}
    targets = [port["targetPort"] for port in spec["ports"]]
    yield from (f"targetPort {target} is unknown" for target in targets if target not in known)


def _pod_problems(pod: Object, release: list[Object]) -> Iterator[str]:
    """Check what Pod Security `restricted` demands of the pod, and its service account."""
    context = pod.get("securityContext", {})
    if context.get("runAsNonRoot") is not True or context.get("runAsUser") == 0:
        yield "runs as root"
    if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "seccompProfile is not RuntimeDefault"
    if "sysctls" in context:
        yield "sets sysctls"
    yield from (f"{field} is set" for field in _HOST_FIELDS if pod.get(field))
    yield from (
        f"volume {one['name']} is not allowed" for one in pod.get("volumes", []) if set(one) - _VOLUMES
    )
    if pod.get("automountServiceAccountToken") is not False:
        yield "mounts a service account token"
    accounts = {resource["metadata"]["name"] for resource in release if resource["kind"] == "ServiceAccount"}
    if pod.get("serviceAccountName") not in accounts:
        yield "serviceAccountName is not an account of the release"


def _container_problems(container: Object, pod: Object, kind: str) -> Iterator[str]:
    if container.get("securityContext") != _CONTAINER_SECURITY:
        yield f"securityContext is not {_CONTAINER_SECURITY}"
    if not _IMAGE.fullmatch(container["image"]):
        yield f"image {container['image']} has no registry, or neither tag nor digest"
    # No CPU limit: it would throttle a password hash while the node is idle.
    resources = {name: set(each) for name, each in container.get("resources", {}).items()}
    if resources != {"requests": {"cpu", "memory"}, "limits": {"memory"}}:
        yield "resources are not requests of cpu and memory, and a limit of memory"
    ports = {port["name"] for port in container.get("ports", [])}
    for name in ("livenessProbe", "readinessProbe") if kind in _LONG_RUNNING else ():
        probe = container.get(name, {})
        port = next((probe[kind]["port"] for kind in ("httpGet", "tcpSocket") if kind in probe), None)
        if not probe or port not in {None, *ports}:
            yield f"{name} is missing, or its port is unknown"
    if "sleep" in container.get("lifecycle", {}).get("preStop", {}):
        yield "preStop.sleep needs Kubernetes 1.30; kubeVersion of the chart is older"
    volumes = {volume["name"] for volume in pod.get("volumes", [])} | {"data"}  # of the StatefulSet's claim
    for mount in container.get("volumeMounts", []):
        if mount["name"] not in volumes:
            yield f"volume {mount['name']} is unknown"
    env = {variable["name"]: variable.get("value") for variable in container.get("env", [])}
    yield from (f"{name}: secrets are mounted as files" for name in env if _SECRET_NAME.search(name))
    delay = env.get("DOORWARD_SHUTDOWN_DELAY_SECONDS")
    if delay and pod["terminationGracePeriodSeconds"] < int(delay) + _REQUESTS_IN_FLIGHT_SECONDS:
        yield "terminationGracePeriodSeconds is shorter than shutdown delay and requests in flight"
