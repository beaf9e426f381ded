"""Settings: DOORWARD_ environment variables, mounted files, and the older server's names.

Order, first wins: DOORWARD_<NAME>, DOORWARD_<NAME>_FILE (the content of that file, without its last
line break), the older names (MYSQL_*, LOGLEVEL, DEFAULT_TOKEN_EXPIRY, SECRET_KEY).
"""

import ipaddress
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import sqlalchemy as sa
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from doorward_common.addresses import Network
from doorward_common.keys import check_secret_key
from doorward_common.logging import LEVELS
from doorward_common.revocations import StalePolicy

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

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, hide_input_in_errors=True)

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
            LookupSource(settings_cls, _from_older_name),
        )


class DatabaseSettings(DoorwardSettings):
    """How to reach the database."""

    database_url: SecretStr = Field(description="`mysql+pymysql://user:password@host:3306/name`")
    database_pool_size: int = Field(
        default=8, ge=1, le=256, description="Connections, and threads that use them."
    )
    database_timeout_seconds: float = Field(
        default=2.5, gt=0.1, le=60, description="Bound on one unit of work."
    )

    database_tls_ca_file: str | None = Field(
        default=None,
        description="PEM file of the authority that the database's certificate is verified by; turns TLS on.",
    )

    @field_validator("database_url")
    @classmethod
    def _usable_database(cls, value: SecretStr) -> SecretStr:
        try:
            backend = sa.make_url(value.get_secret_value()).get_backend_name()
        except sa.exc.ArgumentError:
            raise ValueError("is not a database URL (mysql+pymysql://user:password@host/name)") from None
        if backend not in {"mysql", "mariadb", "sqlite"}:
            raise ValueError("names a database other than MariaDB, MySQL and SQLite")
        return value


class ServiceSettings(DatabaseSettings):
    """What every service needs to know."""

    host: str = Field(default="0.0.0.0", description="Address to listen on.")  # noqa: S104 - a container's default
    port: int = Field(default=8000, ge=0, le=65535, description="TCP port to listen on.")
    access_log: bool = Field(default=True, description="Log one line a request.")
    docs: bool = Field(
        default=False, description="Serve `/docs` and `/openapi.json` (not on a public ingress)."
    )
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = Field(
        default=(),
        description="Networks of our own proxies, whose X-Forwarded-For is believed; comma-separated.",
    )
    max_body_bytes: int = Field(default=65_536, ge=1024, description="Longest request body.")
    drain_seconds: float = Field(
        default=0.0, ge=0, description="After SIGTERM, how long to go on serving with `/readyz` already off."
    )
    secret_key: SecretStr = Field(
        description="Key of access tokens, 32 bytes or more, the same for every service."
    )
    issuer: str = Field(default="doorward", min_length=1, description="`iss` of access tokens.")
    audience: str = Field(default="doorward", min_length=1, description="`aud` of access tokens.")
    revocation_poll_seconds: float = Field(
        default=1.0, gt=0, le=60, description="How often the list of revoked tokens is brought up to date."
    )
    revocation_max_age_seconds: float = Field(
        default=10.0, gt=0, description="Age at which the list counts as stale."
    )
    revocation_stale_policy: StalePolicy = Field(
        default=StalePolicy.ACCEPT,
        description="With a stale list: `accept` tokens and say so, or `refuse` them with 503.",
    )
    token_leeway_seconds: int = Field(default=0, ge=0, le=60, description="Clock difference to forgive.")

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(ipaddress.ip_network(one.strip()) for one in value.split(",") if one.strip())
        return value

    @field_validator("secret_key")
    @classmethod
    def _strong_key(cls, value: SecretStr) -> SecretStr:
        check_secret_key(value.get_secret_value())
        return value


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


def _from_file(name: str) -> str | None:
    variable = f"{PREFIX}{name.upper()}_FILE"
    path = os.environ.get(variable)
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{variable} names a file that cannot be read: {path} ({error})") from None


def _from_older_name(name: str) -> str | None:
    if name == "database_url":
        return _older_database_url()
    variable = _OLDER_NAMES.get(name)
    return os.environ.get(variable) or None if variable else None


def _older_database_url() -> str | None:
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
        raise SettingsError("; ".join(_complaint(one) for one in error.errors())) from None
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _complaint(error: Mapping[str, Any]) -> str:
    variable = PREFIX + str(error["loc"][0]).upper()
    if error["type"] == "missing":
        return f"{variable} is not set (nor {variable}_FILE)"
    return f"{variable} {error['msg'].removeprefix('Value error, ')}"
