"""Settings of a service: log, database, address, limits."""

import ipaddress
import os
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import sqlalchemy as sa
from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from doorward_client.keys.key_set import KeySet
from doorward_client.keys.key_store import KeyStore
from doorward_client.keys.secret_strength import check_secret
from doorward_client.settings import DoorwardSettings, Lookup, raw_value
from doorward_client.verifier_settings import VerifierSettings
from doorward_kit.certificates import CaFile
from doorward_kit.client_ip import Network
from doorward_kit.legacy_environment import LEGACY_VARIABLES, from_legacy_env
from doorward_kit.logging import LEVELS
from doorward_kit.origins import check_origin

EVERY_ADDRESS: Final = "::"
"""IPv6 and IPv4: pods of an IPv6-only cluster have no IPv4 address."""

_LEVEL_ALIASES: Final[Mapping[str, str]] = {"warn": "warning", "fatal": "critical"}  # the standard library's


class ProcessSettings(DoorwardSettings):
    """Settings of every process. The variables of the older server (MYSQL_*, LOGLEVEL, ...) are read last."""

    log_level: str = Field(default="info", description=f"Log level: {', '.join(LEVELS)}.")

    @field_validator("log_level")
    @classmethod
    def _check_log_level(cls, value: str) -> str:
        level = _LEVEL_ALIASES.get(value.lower(), value.lower())
        if level not in LEVELS:
            raise ValueError(f"is not one of {', '.join(LEVELS)}")
        return level

    @classmethod
    def variable_of(cls, name: str) -> str:
        variable, legacy = super().variable_of(name), LEGACY_VARIABLES.get(name, "")
        return variable if os.environ.get(variable) or not os.environ.get(legacy) else legacy

    @classmethod
    def lookups(cls) -> Sequence[Lookup]:
        return [*super().lookups(), from_legacy_env]


def parse_database_url(text: str) -> sa.URL | None:
    """Return a URL, None for a text that is none."""
    try:
        return sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):  # ValueError: the port is no number
        return None


def _usable_database(value: SecretStr) -> SecretStr:
    url = parse_database_url(value.get_secret_value())
    if url is None:
        raise ValueError("is not a database URL (mysql+pymysql://user:password@host/name)")
    if url.get_backend_name() not in {"mysql", "mariadb", "sqlite"}:
        raise ValueError("names a database other than MariaDB, MySQL or SQLite")
    return value


DatabaseUrl = Annotated[SecretStr, AfterValidator(_usable_database)]


class DatabaseSettings(ProcessSettings):
    """Settings of the connection to the database."""

    database_url: DatabaseUrl = Field(
        description="Database URL: `mysql+pymysql://user:password@host:3306/name`."
    )
    database_password: SecretStr | None = Field(
        default=None,
        description="Database password, unescaped, if `DOORWARD_DATABASE_URL` contains none.",
    )
    database_pool_size: int = Field(
        default=8, ge=1, le=256, description="Number of database connections, each with a thread."
    )
    database_timeout_seconds: float = Field(
        default=2.5,
        gt=0.1,
        le=60,
        description="Timeout of one unit of work, including the wait for a connection.",
    )
    database_tls_ca_file: CaFile | None = Field(
        default=None,
        description="PEM file of the database's certificate authority. Setting it enables TLS.",
    )
    database_allow_public_key_retrieval: bool = Field(
        default=False,
        description="Whether a MySQL on another machine may be used without TLS. The password is then"
        " encrypted with a key that the server sends, which is not verified.",
    )

    @model_validator(mode="before")
    @classmethod
    def _url_with_password(cls, values: dict[str, object]) -> dict[str, object]:
        return database_url_with_password(values)


def database_url_with_password(values: dict[str, object], prefix: str = "") -> dict[str, object]:
    """Insert the password into a URL without one; the names of both settings begin with `prefix`."""
    name = f"{prefix}database_url"
    url, password = raw_value(values.get(name)), raw_value(values.get(f"{prefix}database_password"))
    if url is None or password is None:
        return values
    parsed = parse_database_url(url)
    # The URL's own validator rejects a text that is none.
    if parsed is None or parsed.password is not None or parsed.get_backend_name() == "sqlite":
        return values
    return {**values, name: parsed.set(password=password).render_as_string(hide_password=False)}


def _parts(text: str) -> tuple[str, ...]:
    """Split a list at its commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


class ServiceSettings(DatabaseSettings, VerifierSettings):
    """Settings of every service."""

    host: str = Field(
        default=EVERY_ADDRESS,
        description="Address to listen on. `::` listens on IPv6 and IPv4, and on IPv4 alone where the"
        " kernel has no IPv6.",
    )
    port: int = Field(default=8000, ge=0, le=65535, description="TCP port to listen on.")
    access_log: bool = Field(default=True, description="Log one line for each request.")
    docs_enabled: bool = Field(
        default=False, description="Serve `/docs` and `/openapi.json`. Not for a public address."
    )
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = Field(
        default=(),
        description="Networks of your own proxies, comma-separated. Only their `X-Forwarded-For` is"
        " accepted.",
    )
    trust_proxy_request_id: bool = Field(
        default=False,
        description="Whether your own proxies replace the `X-Request-ID` of clients, as HAProxy here does."
        " Then it is the request id of logs and audit events. Otherwise each service makes its own, and the"
        " header is logged as `client_request_id`.",
    )
    allowed_origins: Annotated[tuple[Annotated[str, AfterValidator(check_origin)], ...], NoDecode] = Field(
        default=(),
        max_length=100,
        description="Origins whose pages may read answers (CORS), comma-separated: `https://app.example.com`."
        " The same in every service. Pages of the API's own origin need no entry.",
    )
    max_body_bytes: int = Field(default=65_536, ge=1024, description="Maximum size of a request body.")
    rejection_delay_seconds: float = Field(
        default=1.0,
        ge=0,
        le=60,
        description="Time before a request is answered that a rate limit or a full queue of hashes or"
        " pictures rejects, or that lacks its captcha, up to 4 seconds longer while many wait. Without it,"
        " clients that ask again at once keep a core busy. 0: no wait. At most 20 behind proxies that give up"
        " after 30.",
    )
    shutdown_delay_seconds: float = Field(
        default=0.0,
        ge=0,
        description="Time to keep serving after SIGTERM, while `/readyz` already answers 503.",
    )
    pagination_secret: SecretStr | None = Field(
        default=None,
        description="Secret that signs the cursors of lists. Required only without an HS256 key.",
    )

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(map(ipaddress.ip_network, _parts(value)))
        return value

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _origins(cls, value: object) -> object:
        return _parts(value) if isinstance(value, str) else value

    @field_validator("pagination_secret")
    @classmethod
    def _check_pagination_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            check_secret(value.get_secret_value().encode("utf-8"))
        return value

    @property
    def peer_urls(self) -> Sequence[str]:
        """Return the URLs of other services, whose addresses this process learns at its start."""
        return [] if self.auth_url is None else [self.auth_url]

    def key_problem(self, key_set: KeySet) -> str | None:
        """Return what a key set lacks for this service, or None."""
        if self.pagination_secret is None and not key_set.secrets(time.time()):
            return (
                "has no secret to sign cursors with: DOORWARD_PAGINATION_SECRET is not set (nor"
                " DOORWARD_PAGINATION_SECRET_FILE)"
            )
        return super().key_problem(key_set)

    def cursor_secrets(self, keys: KeyStore) -> Sequence[bytes]:
        """Return the secrets of cursors; the first one signs."""
        return (
            keys.secrets
            if self.pagination_secret is None
            else (self.pagination_secret.get_secret_value().encode(),)
        )
