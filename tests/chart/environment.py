"""Whether services and commands start with the environment and the secrets of their containers."""

import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from unittest import mock

from chart.policy import containers, pod_spec
from chart.render import label
from doorward.dev_mailbox import DevMailboxSettings
from doorward.settings import CommandSettings, MigrateSettings
from doorward_auth.settings import AuthSettings
from doorward_client.keys.key_set import HS256
from doorward_client.settings import DoorwardSettings, SettingsError, load_settings
from doorward_kit.key_rotation import new_jwk
from doorward_tickets.settings import TicketsSettings
from doorward_users.settings import UsersSettings

_SETTINGS: Final[dict[str, type[DoorwardSettings]]] = {
    "auth": AuthSettings,
    "users": UsersSettings,
    "tickets": TicketsSettings,
    "standalone": CommandSettings,
}
_COMMANDS: Final[dict[str, type[DoorwardSettings]]] = {
    "migrate": MigrateSettings,
    "dev-mailbox": DevMailboxSettings,
}
_TEXT: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
"""Long enough for every secret."""


def problems(found: dict[str, Any]) -> list[str]:
    """Return the errors with which the containers of an object would refuse to start."""
    pod = pod_spec(found)
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        for name in _mounted(pod):
            (Path(folder) / name).write_text(_secret(name), encoding="utf-8")
        for container in containers(pod):
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


def _settings(container: dict[str, Any]) -> type[DoorwardSettings] | None:
    """Return the settings class of the container's program, None for third-party and test containers."""
    image = re.search(r"/(auth|users|tickets|standalone)[:@]", container["image"])
    if container["name"] in _COMMANDS:
        return _COMMANDS[container["name"]]
    return None if image is None or "command" in container else _SETTINGS[image[1]]


def _mounted(pod: dict[str, Any]) -> Iterator[str]:
    """Yield the file names in the volume of secrets."""
    for volume in pod.get("volumes", []):
        for source in volume.get("projected", {}).get("sources", []):
            yield from (item["path"] for item in source["secret"]["items"])


def _environment(container: dict[str, Any], folder: str) -> Iterator[tuple[str, str]]:
    """Yield the variables, with the folder in place of each mount path."""
    mounts = [mount["mountPath"] for mount in container.get("volumeMounts", [])]
    for variable in container.get("env", []):
        reference = variable.get("valueFrom", {}).get("secretKeyRef", {})
        value = variable.get("value", _secret(reference.get("key", "")))
        for path in mounts:
            value = re.sub(rf"^{re.escape(path)}(?=/|$)", folder, value)
        yield variable["name"], value


def _secret(name: str) -> str:
    """Return a valid value for the file."""
    if name == "keys.json":
        return json.dumps({"keys": [new_jwk(HS256)]})
    if name == "password-must-change":
        return "true"
    if name == "service-clients.json":
        return json.dumps({"tickets": _TEXT})
    return "rediss://:password@redis:6379/0" if name == "redis-url" else _TEXT
