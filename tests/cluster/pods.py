"""Pods of the tests themselves, as Pod Security `restricted` requires."""

from collections.abc import Mapping
from typing import Any


def restricted_pod(
    name: str, labels: Mapping[str, str], uid: int, container: Mapping[str, Any], **more: object
) -> dict[str, object]:
    """Return a Pod with one container; `more` goes into its specification."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": dict(labels)},
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": uid,
                "fsGroup": uid,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": name,
                    "imagePullPolicy": "IfNotPresent",
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                    **container,
                }
            ],
            **more,
        },
    }
