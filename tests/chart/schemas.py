"""Validates objects against the schemas of Kubernetes and of custom resources."""

import functools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import jsonschema
import kubernetes_validate
import yaml

from chart.render import label
from chart.tools import GO, run

# Definitions of custom resources: a Go module with its version, and a folder in it. Go verifies the download
# against the public checksum database.
_DEFINITIONS: Final = {
    "monitoring.coreos.com": (
        "github.com/prometheus-operator/prometheus-operator@v0.93.0",
        "example/prometheus-operator-crd",
    ),
    "gateway.networking.k8s.io": ("sigs.k8s.io/gateway-api@v1.6.1", "config/crd/standard"),
}


def core_problem(found: dict[str, Any], version: str) -> str | None:
    """Return the first error in an object of Kubernetes, None without any. Unknown fields are errors."""
    try:
        kubernetes_validate.validate(found, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return _sentence(found, error)
    except kubernetes_validate.SchemaNotFoundError:
        return f"{label(found)}: Kubernetes {version} has no {found['apiVersion']}"
    return None


def custom_problem(
    found: dict[str, Any], definition: Callable[[str, str, str], dict[str, Any] | None] | None = None
) -> str | None:
    """Return the first error in a custom resource, None without any. Unknown fields are errors.

    CEL rules (`x-kubernetes-validations`) are not evaluated. Raises MissingToolError without Go, which
    downloads the definitions.
    """
    group, version = found["apiVersion"].split("/")
    schema = (definition or downloaded)(group, version, found["kind"])
    if schema is None:
        return f"{label(found)}: {found['apiVersion']} is not defined"
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(found))
    return _sentence(found, error) if error else None


def is_custom(found: dict[str, Any]) -> bool:
    """Whether the object is a custom resource with a known definition."""
    return found["apiVersion"].split("/")[0] in _DEFINITIONS


@functools.cache
def downloaded(group: str, version: str, kind: str) -> dict[str, Any] | None:
    """Return the strict schema of a custom resource, None for an unknown kind or version."""
    module, folder = _DEFINITIONS[group]
    home = Path(json.loads(run(GO, ["mod", "download", "-json", module]))["Dir"])
    path = home / folder / f"{group}_{kind.lower()}s.yaml"
    if not path.exists():
        return None
    (definition,) = [one for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if one]
    return version_schema(definition, version)


def version_schema(definition: dict[str, Any], version: str) -> dict[str, Any] | None:
    """Return the strict schema of one version of a CustomResourceDefinition, None if it is not served."""
    for found in definition["spec"]["versions"]:
        if found["name"] == version and found["served"]:
            schema: dict[str, Any] = strict(found["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}
            return schema
    return None


def strict(schema: Any) -> Any:
    """Return a definition's schema as JSON schema in which unknown fields are errors."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items() if key != "format"}
    if made.pop("nullable", False) and "type" in made:
        made["type"] = [made["type"], "null"]
    open_ended = made.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in made
    if isinstance(made.get("properties"), dict) and made.get("type") == "object" and not open_ended:
        made["additionalProperties"] = False
    return made


def _sentence(found: dict[str, Any], error: jsonschema.ValidationError) -> str:
    path = re.sub(r"\.(\d+)", r"[\1]", ".".join(str(word) for word in error.absolute_path))
    return f"{label(found)}: {path or 'object'}: {error.message[:300]}"
