"""Settings of the one-process server and of the commands."""

import os
import secrets
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from doorward_auth.settings import AuthSettings
from doorward_common.settings import DatabaseSettings, DoorwardSettings, LookupSource, SettingsError
from doorward_identity.settings import Argon2Settings
from doorward_users.settings import UsersSettings

DEFAULT_ADMIN_EMAIL: Final = "admin@example.com"


class AdminSettings(DoorwardSettings):
    """The first administrator."""

    admin_email: str = Field(default=DEFAULT_ADMIN_EMAIL, description="Address of the first administrator.")
    admin_password: SecretStr | None = Field(default=None, description="Its password; never a default one.")


class _LocalDefaults(DoorwardSettings):
    """What a laptop needs no settings for: an SQLite file and a key, both in the data directory."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the data directory's defaults last."""
        sources = super().settings_customise_sources(
            settings_cls, init_settings, env_settings, dotenv_settings, file_secret_settings
        )
        return (*sources, LookupSource(settings_cls, _local_default))


class CommandSettings(_LocalDefaults, DatabaseSettings, Argon2Settings, AdminSettings):
    """What the administrator's commands need: no signing key, no port."""


class StandaloneSettings(_LocalDefaults, AuthSettings, UsersSettings, AdminSettings):
    """Everything, for every service in one process."""

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8080, ge=0, le=65535, description="TCP port to listen on.")
    log_level: str = Field(default="warning", description="One of debug, info, warning, error, critical.")
    docs: bool = Field(default=True, description="Serve the interactive API docs at `/docs`.")


def data_directory() -> Path:
    """Return where a laptop's database and key are kept."""
    return Path(os.environ.get("DOORWARD_DATA_DIR") or "var")


def _local_default(name: str) -> str | None:
    if name == "database_url":
        return sa.URL.create("sqlite", database=str(data_directory() / "doorward.db")).render_as_string()
    if name == "secret_key":
        return _local_key()
    return None


def _local_key() -> str:
    """Return this installation's own key, made at the first start; raises SettingsError."""
    path = data_directory() / "secret-key"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(48))
        return path.read_text(encoding="ascii")
    except OSError as error:
        raise SettingsError(f"DOORWARD_DATA_DIR cannot be used: {error}") from None
