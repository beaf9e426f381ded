import copy
from typing import Any

import pytest

from chart.render import KUBERNETES
from chart.schemas import core_problem, custom_problem, is_custom, strict, version_schema

SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "auth", "labels": {"app": "auth"}},
    "spec": {"selector": {"app": "auth"}, "ports": [{"name": "http", "port": 8000, "targetPort": "http"}]},
}
MONITOR: dict[str, Any] = {
    "apiVersion": "monitoring.coreos.com/v1",
    "kind": "ServiceMonitor",
    "metadata": {"name": "auth", "labels": {"app": "auth"}},
    "spec": {"selector": {"matchLabels": {"app": "auth"}}, "port": 8000, "endpoints": [{"path": "/metrics"}]},
}
DEFINITION: dict[str, Any] = {
    "spec": {
        "versions": [
            {
                "name": "v1",
                "served": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "required": ["spec"],
                        "properties": {
                            "apiVersion": {"type": "string"},
                            "kind": {"type": "string"},
                            "metadata": {"type": "object"},
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "endpoints": {
                                        "type": "array",
                                        "items": {
                                            "type": "object",
                                            "properties": {"path": {"type": "string", "nullable": True}},
                                        },
                                    },
                                    "selector": {
                                        "type": "object",
                                        "properties": {
                                            "matchLabels": {
                                                "type": "object",
                                                "additionalProperties": {"type": "string"},
                                            }
                                        },
                                    },
                                    "port": {
                                        "anyOf": [{"type": "integer"}, {"type": "string"}],
                                        "x-kubernetes-int-or-string": True,
                                    },
                                    "anything": {
                                        "type": "object",
                                        "properties": {},
                                        "x-kubernetes-preserve-unknown-fields": True,
                                    },
                                },
                            },
                        },
                    }
                },
            },
            {"name": "v1alpha1", "served": False, "schema": {"openAPIV3Schema": {}}},
        ]
    }
}


def _changed(found: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    made = copy.deepcopy(found)
    *way, last = path.split(".")
    at: Any = made
    for step in way:
        at = at[int(step)] if step.isdigit() else at[step]
    at[last] = value
    return made


def _defined(_group: str, version: str, kind: str) -> dict[str, Any] | None:
    return version_schema(DEFINITION, version) if kind == "ServiceMonitor" else None


@pytest.mark.parametrize("version", KUBERNETES)
def test_each_version_accepts_a_service(version: str) -> None:
    assert core_problem(SERVICE, version) is None


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("spec.selectors", {}, "Service/auth: spec: Additional properties are not allowed"),
        ("spec.ports.0.port", "http", "Service/auth: spec.ports[0].port: 'http'"),
        ("kind", "Servise", "Servise/auth: Kubernetes 1.37 has no v1"),
        ("apiVersion", "v2", "Service/auth: Kubernetes 1.37 has no v2"),
    ],
)
def test_errors_in_objects_of_kubernetes_are_found(path: str, value: Any, said: str) -> None:
    assert (core_problem(_changed(SERVICE, path, value), "1.37") or "").startswith(said)


def test_custom_resources_are_recognized_by_their_group() -> None:
    assert is_custom(MONITOR)
    assert not is_custom(SERVICE)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.annotations", {"a": "b"}),
        ("spec.port", "http"),
        ("spec.endpoints.0.path", None),
        ("spec.selector.matchLabels", {"any": "label"}),
        ("spec.anything", {"goes": 1}),
    ],
)
def test_valid_custom_resources_are_accepted(path: str, value: Any) -> None:
    assert custom_problem(_changed(MONITOR, path, value), _defined) is None


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("spec.endpoints.0.pth", "/", "ServiceMonitor/auth: spec.endpoints[0]: Additional properties"),
        ("spec.endpoints.0.path", 7, "ServiceMonitor/auth: spec.endpoints[0].path: 7 is not"),
        ("spec.selector.matchLabels.app", True, "ServiceMonitor/auth: spec.selector.matchLabels.app: True"),
        ("status", {}, "ServiceMonitor/auth: object: Additional properties"),
        (
            "apiVersion",
            "monitoring.coreos.com/v1alpha1",
            "ServiceMonitor/auth: monitoring.coreos.com/v1alpha1",
        ),
        ("kind", "ServiceMonitors", "ServiceMonitors/auth: monitoring.coreos.com/v1 is not defined"),
    ],
)
def test_errors_in_custom_resources_are_found(path: str, value: Any, said: str) -> None:
    assert (custom_problem(_changed(MONITOR, path, value), _defined) or "").startswith(said)


def test_a_required_field_of_a_custom_resource_is_required() -> None:
    found = {key: value for key, value in MONITOR.items() if key != "spec"}
    assert "'spec' is a required property" in (custom_problem(found, _defined) or "")


def test_the_definition_is_not_modified() -> None:
    before = copy.deepcopy(DEFINITION)
    strict(DEFINITION)
    assert before == DEFINITION
