"""Whether the services and commands start with the environment and the secrets that the chart gives them."""

import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from unittest import mock

from chart.render import label
from doorward.settings import CommandSettings
from doorward_auth.settings import AuthSettings
from doorward_client.keys.key_set import HS256
from doorward_client.settings import DoorwardSettings, SettingsError, load_settings
from doorward_kit.key_rotation import new_jwk
from doorward_kit.settings import DatabaseSettings
from doorward_tickets.settings import TicketsSettings
from doorward_users.settings import UsersSettings

_SETTINGS: Final[dict[str, type[DoorwardSettings]]] = {
    "auth": AuthSettings,
    "users": UsersSettings,
    "tickets": TicketsSettings,
    "standalone": CommandSettings,
}
_TEXT: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
"""Long enough for everything that has to be."""


def problems(found: dict[str, Any]) -> list[str]:
    """Return what the containers of an object would say at their start instead of starting."""
    pod = _pod(found)
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        for name in _mounted(pod):
            (Path(folder) / name).write_text(_secret(name), encoding="utf-8")
        for container in [*pod.get("initContainers", []), *pod.get("containers", [])]:
            settings = _settings(container)
            if settings is None:
                continue
            environment = dict(_environment(container, folder))
            try:
                with mock.patch.dict(os.environ, environment, clear=True):
                    load_settings(settings)
            except SettingsError as error:
                wrong.append(f"{label(found)}: {container['name']}: {error}")
    return wrong


def _pod(found: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = found.get("spec", {})
    while "template" in spec or "jobTemplate" in spec:
        spec = (spec.get("template") or spec["jobTemplate"])["spec"]
    return spec


def _settings(container: dict[str, Any]) -> type[DoorwardSettings] | None:
    """Return what the container reads its environment as; None for one that is not ours."""
    image = re.search(r"/(auth|users|tickets|standalone)[:@]", container["image"])
    if image is None or "command" in container:
        return None
    return DatabaseSettings if "migrate" in container.get("args", []) else _SETTINGS[image[1]]


def _mounted(pod: dict[str, Any]) -> Iterator[str]:
    """Yield the names of the files in the volume of secrets."""
    for volume in pod.get("volumes", []):
        for source in volume.get("projected", {}).get("sources", []):
            yield from (item["path"] for item in source["secret"]["items"])


def _environment(container: dict[str, Any], folder: str) -> Iterator[tuple[str, str]]:
    """Yield the variables, with the folder in the place of each that is mounted."""
    mounts = [mount["mountPath"] for mount in container.get("volumeMounts", [])]
    for variable in container.get("env", []):
        value = variable.get("value", _TEXT)
        for path in mounts:
            value = re.sub(rf"^{re.escape(path)}(?=/|$)", folder, value)
        yield variable["name"], value


def _secret(name: str) -> str:
    """Return something of the kind that the file is said to hold."""
    if name == "keys.json":
        return json.dumps({"keys": [new_jwk(HS256)]})
    if name == "service-clients.json":
        return json.dumps({"tickets": _TEXT})
    return "rediss://:password@redis:6379/0" if name == "redis-url" else _TEXT
