"""Settings: DOORWARD_ environment variables, mounted files, and the older server's names.

Order, first wins: DOORWARD_<NAME>, DOORWARD_<NAME>_FILE (the content of that file, without its last
line break), the older names (MYSQL_*, LOGLEVEL, DEFAULT_TOKEN_EXPIRY, SECRET_KEY).
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from doorward_kit.logging import LEVELS

PREFIX: Final = "DOORWARD_"
S = TypeVar("S", bound="DoorwardSettings")

_OLDER_NAMES: Final[Mapping[str, str]] = {
    "log_level": "LOGLEVEL",
    "access_token_seconds": "DEFAULT_TOKEN_EXPIRY",
    "secret_key": "SECRET_KEY",
}


class SettingsError(Exception):
    """The configuration cannot work; the message is one line that says what to set."""


class DoorwardSettings(BaseSettings):
    """Where settings come from, and how much a process says."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,  # `VARIABLE: ${VARIABLE:-}` in a compose file is no setting
        frozen=True,
        hide_input_in_errors=True,
    )

    log_level: str = Field(default="info", description=f"One of {', '.join(LEVELS)}.")

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.lower() not in LEVELS:
            raise ValueError(f"is not one of {', '.join(LEVELS)}")
        return value.lower()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put mounted files and the older names behind the environment."""
        return (
            init_settings,
            env_settings,
            LookupSource(settings_cls, _from_file),
            LookupSource(settings_cls, _from_legacy_env),
        )


class LookupSource(PydanticBaseSettingsSource):
    """A settings source that is a function from a field's name to its text.

    It is asked only for what the sources before it left open.
    """

    def __init__(self, settings_cls: type[BaseSettings], lookup: Callable[[str], str | None]) -> None:
        super().__init__(settings_cls)
        self._lookup = lookup

    def get_field_value(self, _field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the value, the key it goes under, and that it needs no decoding."""
        return self._lookup(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return every field that this source knows."""
        open_names = self.settings_cls.model_fields.keys() - self.current_state.keys()
        found = {name: self._lookup(name) for name in open_names}
        return {name: value for name, value in found.items() if value is not None}


def plain(value: object) -> str | None:
    """Return what a setting was given as, before it is validated."""
    if value is None:
        return None
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _from_file(name: str) -> str | None:
    variable = f"{PREFIX}{name.upper()}_FILE"
    path = os.environ.get(variable)
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{variable} names a file that cannot be read: {path} ({error})") from None


def _from_legacy_env(name: str) -> str | None:
    if name == "database_url":
        return _legacy_database_url()
    variable = _OLDER_NAMES.get(name)
    return os.environ.get(variable) or None if variable else None


def _legacy_database_url() -> str | None:
    host = os.environ.get("MYSQL_HOST")
    if not host:
        return None
    url = sa.URL.create(
        "mysql+pymysql",
        username=os.environ.get("MYSQL_USER"),
        password=os.environ.get("MYSQL_PASSWORD"),
        host=host,
        port=int(os.environ.get("MYSQL_PORT", "3306")),
        database=os.environ.get("MYSQL_DB"),
    )
    return url.render_as_string(hide_password=False)


def load_settings(settings_class: type[S], **overrides: Any) -> S:
    """Read settings from the environment; raises SettingsError with one line for the operator."""
    try:
        return settings_class(**overrides)
    except ValidationError as error:
        raise SettingsError("; ".join(_format_error(one) for one in error.errors())) from None
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _format_error(error: Mapping[str, Any]) -> str:
    if not error["loc"]:
        # Of a combination of settings: the message names them.
        return str(error["msg"]).removeprefix("Value error, ")
    variable = PREFIX + str(error["loc"][0]).upper()
    if error["type"] == "missing":
        return f"{variable} is not set (nor {variable}_FILE)"
    return f"{variable} {error['msg'].removeprefix('Value error, ')}"
