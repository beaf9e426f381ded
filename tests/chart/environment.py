"""Whether services and commands start with the environment and the files of their containers."""

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from unittest import mock

from chart.mounted_files import mounted_files, valid_content
from chart.policy import containers, pod_spec
from chart.render import label
from doorward.dev_mailbox import DevMailboxSettings
from doorward.settings import ClientCommandSettings, CommandSettings, MigrateSettings
from doorward_auth.settings import AuthSettings
from doorward_auth.upstream_adapters.settings.upstreams import UpstreamSettings
from doorward_auth.vault.settings import VaultSettings
from doorward_client.settings import DoorwardSettings, SettingsError, load_settings
from doorward_kit.settings import ServiceSettings
from doorward_tickets.settings import TicketsSettings
from doorward_users.settings import UsersSettings

_SETTINGS: Final[dict[str, Sequence[type[DoorwardSettings]]]] = {
    "auth": (AuthSettings, UpstreamSettings, VaultSettings),
    "users": (UsersSettings,),
    "tickets": (TicketsSettings,),
    "standalone": (CommandSettings,),
    "bookmarks": (ServiceSettings,),  # docs/examples/bookmarks
}
_COMMANDS: Final[dict[str, Sequence[type[DoorwardSettings]]]] = {
    "migrate": (MigrateSettings,),
    "clients": (ClientCommandSettings,),
    "dev-mailbox": (DevMailboxSettings,),
    "rotate-vault": (CommandSettings,),
}


def problems(found: dict[str, Any], release: Sequence[dict[str, Any]] = ()) -> list[str]:
    """Return the errors with which the containers of an object of a release would refuse to start."""
    pod = pod_spec(found)
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        files = dict(mounted_files(pod, release))
        for container in containers(pod):
            settings = _settings(container)
            if not settings:
                continue
            for name, content in files.items():
                (Path(folder) / name).write_text(_moved(container, content, folder), encoding="utf-8")
            environment = dict(_environment(container, folder))
            try:
                with mock.patch.dict(os.environ, environment, clear=True):
                    for setting in settings:
                        load_settings(setting)
            except SettingsError as error:
                wrong.append(f"{label(found)}: {container['name']}: {error}")
    return wrong


def _settings(container: dict[str, Any]) -> Sequence[type[DoorwardSettings]]:
    """Return the settings classes of the container's program, none for third-party and test containers."""
    image = re.search(rf"/({'|'.join(_SETTINGS)})[:@]", container["image"])
    if container["name"] in _COMMANDS:
        return _COMMANDS[container["name"]]
    return () if image is None or "command" in container else _SETTINGS[image[1]]


def _environment(container: dict[str, Any], folder: str) -> Iterator[tuple[str, str]]:
    """Yield the variables, with the folder in place of each mount path."""
    for variable in container.get("env", []):
        reference = variable.get("valueFrom", {}).get("secretKeyRef", {})
        value = variable.get("value", valid_content(reference.get("key", "")))
        yield variable["name"], _moved(container, value, folder)


def _moved(container: dict[str, Any], text: str, folder: str) -> str:
    """Return a text with the folder in place of each mount path at the start of a value."""
    for mount in container.get("volumeMounts", []):
        text = re.sub(rf"(^|\"){re.escape(mount['mountPath'])}(?=/|$)", rf"\1{folder}", text)
    return text
