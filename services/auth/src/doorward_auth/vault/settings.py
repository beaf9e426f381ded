"""The setting of the vault, and opening it at the start."""

from collections.abc import Callable
from pathlib import Path

from pydantic import Field, field_validator

from doorward_auth.vault.key_store import VaultKeyStore
from doorward_auth.vault.keys import VaultKeySet
from doorward_client.settings import DoorwardSettings, SettingsError


class VaultSettings(DoorwardSettings):
    """Where the vault's keys are."""

    vault_keys_file: Path | None = Field(
        default=None,
        description="Path of the keys that encrypt the tokens of upstreams, made by `doorward rotate-vault`;"
        " reloaded when the file changes. Required with an upstream.",
    )

    @field_validator("vault_keys_file")
    @classmethod
    def _usable_vault_keys(cls, value: Path | None) -> Path | None:
        if value is not None:
            try:
                VaultKeySet.parse(value.read_bytes())
            except OSError as error:
                raise ValueError(f"names a file that cannot be read: {value} ({error.strerror})") from None
        return value


def open_key_store(
    settings: VaultSettings, *, has_upstreams: bool, on_failure: Callable[[], None] = lambda: None
) -> VaultKeyStore:
    """Return the keys of the vault; raises SettingsError for upstreams without any.

    `on_failure` is called when a later content of the file cannot be used.
    """
    path = settings.vault_keys_file
    if path is None and has_upstreams:
        raise SettingsError(
            "DOORWARD_VAULT_KEYS_FILE is not set: an upstream's tokens are stored encrypted only. Make the"
            " first key with `doorward rotate-vault`"
        )
    return VaultKeyStore(path, on_failure=on_failure)
