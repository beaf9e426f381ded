"""Three pods that are a Galera cluster, with the image of this folder."""

from typing import Any, Final

from cluster.pods import restricted_pod

SERVICE: Final = "db"
LABELS: Final = {"app": SERVICE}
_NODES: Final = 3
_UID: Final = 999
_FOLDERS: Final = {"data": "/var/lib/mysql", "run": "/run/mysqld", "tmp": "/tmp"}


def node_names(namespace: str) -> list[str]:
    """Return the nodes' names in full, in their order."""
    return [f"{SERVICE}-{number}.{SERVICE}.{namespace}.svc.cluster.local" for number in range(_NODES)]


def galera_cluster(image: str, root_password: dict[str, str]) -> list[dict[str, Any]]:
    """Return the objects of the cluster; `root_password` names the Secret and the key of it.

    Nothing starts a pod that was deleted: the tests say when a node is back.
    """
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": SERVICE},
        # The names exist before the nodes are ready: HAProxy's own check says which one is.
        "spec": {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": LABELS},
    }
    names = [f"{SERVICE}-{number}" for number in range(_NODES)]
    return [service, *(_node(name, image, root_password) for name in names)]


def _node(name: str, image: str, root_password: dict[str, str]) -> dict[str, Any]:
    container = {
        "image": image,
        "env": [
            {"name": "ROOT_PASSWORD", "valueFrom": {"secretKeyRef": root_password}},
            {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        ],
        "resources": {"requests": {"cpu": "20m", "memory": "128Mi"}},
        "volumeMounts": [{"name": volume, "mountPath": path} for volume, path in _FOLDERS.items()],
    }
    return restricted_pod(
        name,
        LABELS,
        _UID,
        container,
        hostname=name,
        subdomain=SERVICE,
        restartPolicy="Never",
        volumes=[{"name": volume, "emptyDir": {}} for volume in _FOLDERS],
    )
