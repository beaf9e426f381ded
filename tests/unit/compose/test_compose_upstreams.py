"""Upstreams in deploy/compose: one line of .env, for auth alone."""

import os
from collections.abc import Mapping
from typing import Any, Final
from unittest import mock

import pytest

from doorward_auth.upstream_adapters.settings.upstreams import UpstreamSettings
from doorward_auth.vault.settings import VaultSettings
from doorward_client.settings import SettingsError, load_settings
from support.compose_file import COMPOSE, composed, required_variables

SECRETS: Final = dict.fromkeys(required_variables(), "0123456789abcdefghijklmnopqrstuvwxyz")
LINE: Final = {"DOORWARD_UPSTREAMS_FILE": "/etc/doorward/upstreams/upstreams.json"}


def environment(service: Mapping[str, Any]) -> dict[str, str]:
    return {key: "" if value is None else str(value) for key, value in service["environment"].items()}


def mounts(service: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the options of a service's mounts by path in the container, with the source first."""
    split = [volume.split(":") for volume in service.get("volumes", [])]
    return {path: [source, *options] for source, path, *options in split}


def test_without_the_line_auth_starts_without_upstreams_and_keys() -> None:
    with mock.patch.dict(os.environ, environment(composed(SECRETS)["auth"]), clear=True):
        assert load_settings(UpstreamSettings).providers == {}
        assert load_settings(VaultSettings).vault_keys_file is None


def test_with_the_line_auth_reads_a_file_of_the_mounted_folder_and_requires_keys() -> None:
    auth = composed(SECRETS | LINE)["auth"]
    assert mounts(auth)["/etc/doorward/upstreams"] == ["./upstreams", "ro"]
    assert (COMPOSE / "upstreams").is_dir()
    with mock.patch.dict(os.environ, environment(auth), clear=True):
        with pytest.raises(SettingsError, match="DOORWARD_UPSTREAMS_FILE names a file that cannot be read"):
            load_settings(UpstreamSettings)
        with pytest.raises(SettingsError, match="DOORWARD_VAULT_KEYS_FILE names a file that cannot be read"):
            load_settings(VaultSettings)


def test_the_command_writes_the_keys_where_auth_reads_them() -> None:
    services = composed(SECRETS | LINE)
    auth, command = services["auth"], services["rotate-vault"]
    keys = environment(auth)["DOORWARD_VAULT_KEYS_FILE"]
    assert environment(command)["DOORWARD_VAULT_KEYS_FILE"] == keys
    folder = keys.rpartition("/")[0]
    assert mounts(auth)[folder] == ["vault", "ro"]
    assert mounts(command)[folder] == ["vault"]


def test_the_command_runs_only_when_it_is_called() -> None:
    assert composed(SECRETS)["rotate-vault"]["profiles"] == ["rotate-vault"]


def test_no_other_service_has_the_keys_or_the_upstreams() -> None:
    for name, service in composed(SECRETS | LINE).items():
        if name not in {"auth", "rotate-vault"}:
            assert not {"/etc/doorward/upstreams", "/var/lib/doorward"} & mounts(service).keys(), name
            assert not {"DOORWARD_UPSTREAMS_FILE", "DOORWARD_VAULT_KEYS_FILE"} & environment(service).keys()
