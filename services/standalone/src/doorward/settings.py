"""Settings of `doorward serve` and of the commands."""

import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import Field, PrivateAttr, SecretStr, model_validator

from doorward.local_defaults import (
    browser_defaults,
    data_directory,
    local_database_url,
    local_default,
    signing_keys,
)
from doorward_auth.oidc.clients.metadata import ClientPolicy
from doorward_auth.service_clients.registry import ClientRegistry, ServiceClients
from doorward_auth.settings import AuthSettings, RegistrationPolicy
from doorward_client.loopback import is_loopback
from doorward_client.settings import DoorwardSettings, Lookup, SettingsError, load_settings, raw_value
from doorward_identity.settings import Argon2Settings, RegistrationDomainSettings
from doorward_kit.certificates import CaFile
from doorward_kit.settings import (
    DatabaseSettings,
    DatabaseUrl,
    ProcessSettings,
    database_url_with_password,
    parse_database_url,
)
from doorward_tickets.settings import TicketOptions, TicketsSettings
from doorward_users.settings import UsersSettings

USERS_IN_PROCESS: Final = "http://users/api/v1/users"
AUTH_IN_PROCESS: Final = "http://auth/api/v1/auth"
"""Addresses of the other services in the same process; the host name is not resolved."""

TICKETS_CLIENT: Final = "tickets-in-process"
"""The client id of tickets at auth in the same process."""

DEFAULT_ADMIN_EMAIL: Final = "admin@example.com"


class AdminSettings(DoorwardSettings):
    """The first administrator."""

    admin_email: str = Field(default=DEFAULT_ADMIN_EMAIL, description="Address of the first administrator.")
    admin_password: SecretStr | None = Field(
        default=None, description="Password of the first administrator; there is no default."
    )
    admin_password_must_change: bool = Field(
        default=False,
        description="Whether the first administrator must replace that password at the first login. Set it"
        " where the password was generated, as `make run`, the chart, Compose and the manifests do.",
    )


class RetentionSettings(DoorwardSettings):
    """How long the audit log is kept."""

    audit_retention_days: int = Field(
        default=365, ge=1, le=36_500, description="Age at which `doorward purge-audit` deletes events."
    )


class _LocalDefaults(DoorwardSettings):
    """Defaults of a laptop: an SQLite file in the data directory."""

    @classmethod
    def lookups(cls) -> Sequence[Lookup]:
        return [*super().lookups(), local_default]


class CommandSettings(
    _LocalDefaults,
    DatabaseSettings,
    Argon2Settings,
    AdminSettings,
    RetentionSettings,
    RegistrationDomainSettings,
):
    """Settings of the administrator's commands: no signing key, no port."""


class ClientCommandSettings(CommandSettings):
    """Settings of `doorward client`: what auth has, as far as clients depend on it."""

    audience: str = Field(default="doorward", min_length=1, description="`aud` of Doorward's own services.")
    access_token_seconds: int = Field(default=300, ge=5, le=3600, description="Lifetime of access tokens.")
    public_url: str | None = Field(
        default=None,
        description="Where browsers reach this installation, as auth has it. Logout tokens go to `http`"
        " only if this is `http`, too.",
    )
    issuer: str = Field(default="doorward", min_length=1, description="`iss` of tokens, as auth has it.")
    oauth_clients: ServiceClients | None = Field(
        default=None, description="Service clients, as auth has them: no other client may have their ids."
    )

    def client_policy(self) -> ClientPolicy:
        """Return what the installation allows its clients."""
        return ClientPolicy.of(
            audience=self.audience,
            issuer=self.issuer,
            public_url=self.public_url,
            service_clients=ClientRegistry.of_setting(self.oauth_clients).ids,
        )


class _TicketsDatabase(ProcessSettings):
    """The database of tickets; by default a file in the folder of identity's SQLite file."""

    tickets_database_password: SecretStr | None = Field(
        default=None,
        description="Password of tickets' database, if `DOORWARD_TICKETS_DATABASE_URL` has none.",
    )

    @model_validator(mode="before")
    @classmethod
    def _tickets_database(cls, values: dict[str, object]) -> dict[str, object]:
        values = database_url_with_password(values, "tickets_")
        identity = raw_value(values.get("database_url"))
        if values.get("tickets_database_url") is not None or identity is None:
            return values
        url = parse_database_url(identity)
        if url is None:
            return values  # the URL's own validator rejects it next
        if cls.variable_of("database_url") == "MYSQL_HOST":
            # The older server had one database. Both schemas fit into it: no table has two meanings.
            return {**values, "tickets_database_url": identity}
        if url.get_backend_name() != "sqlite" or not url.database:
            return values
        sibling = url.set(database=str(Path(url.database).with_name("tickets.db")))
        return {**values, "tickets_database_url": sibling.render_as_string(hide_password=False)}


class MigrateSettings(_TicketsDatabase):
    """The databases to migrate: those that are given, or without any the local files."""

    database_url: DatabaseUrl | None = Field(default=None, description="The identity database.")
    database_password: SecretStr | None = Field(
        default=None, description="Its password, if `DOORWARD_DATABASE_URL` has none."
    )
    tickets_database_url: DatabaseUrl | None = Field(default=None, description="The database of tickets.")
    database_tls_ca_file: CaFile | None = Field(
        default=None, description="PEM file of the authority that verifies both databases' certificates."
    )
    database_allow_public_key_retrieval: bool = Field(
        default=False, description="Whether a MySQL on another machine may be used without TLS."
    )

    @model_validator(mode="before")
    @classmethod
    def _databases(cls, values: dict[str, object]) -> dict[str, object]:
        values = database_url_with_password(values)
        if values.get("database_url") is None and values.get("tickets_database_url") is None:
            return {**values, "database_url": local_database_url()}
        return values


class StandaloneSettings(
    _LocalDefaults,
    _TicketsDatabase,
    AuthSettings,
    UsersSettings,
    TicketOptions,
    AdminSettings,
    RetentionSettings,
):
    """Everything, for every service in one process."""

    tickets_database_url: DatabaseUrl = Field(
        description="The database of tickets. Default: `tickets.db` in the folder of an SQLite file, and the"
        " database of `MYSQL_DB`; required if `DOORWARD_DATABASE_URL` is a server."
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8080, ge=0, le=65535, description="TCP port to listen on.")
    log_level: str = Field(default="warning", description="One of debug, info, warning, error, critical.")
    signing_algorithm: Literal["HS256", "ES256"] = Field(
        default="HS256",
        description="Algorithm of the keys that the first start creates in the data directory.",
    )
    registration: RegistrationPolicy = Field(
        default=RegistrationPolicy.OPEN, description="Who may register: `closed`, `open` or `domains`."
    )
    docs_enabled: bool = Field(default=True, description="Serve the interactive API docs at `/docs`.")

    _tickets_client_secret: SecretStr = PrivateAttr(
        default_factory=lambda: SecretStr(secrets.token_urlsafe(32))
    )
    _mailbox_key: str = PrivateAttr(default_factory=lambda: secrets.token_urlsafe(16))

    def for_auth(self) -> Self:
        """Return the settings of auth, with tickets as a client whose secret lives in this process."""
        clients = json.loads(self.oauth_clients.get_secret_value()) if self.oauth_clients else {}
        clients[TICKETS_CLIENT] = self._tickets_client_secret.get_secret_value()
        return self.model_copy(update={"oauth_clients": SecretStr(json.dumps(clients))})

    def for_tickets(self) -> TicketsSettings:
        """Return the settings of tickets, with its own database."""
        shared = {
            name: getattr(self, name) for name in TicketsSettings.model_fields.keys() & self.model_fields_set
        }
        own = {
            "database_url": self.tickets_database_url,
            "users_url": USERS_IN_PROCESS,
            "auth_url": AUTH_IN_PROCESS,
            "client_id": TICKETS_CLIENT,
            "client_secret": self._tickets_client_secret,
        }
        return load_settings(TicketsSettings, **{**shared, **own})

    @property
    def mailbox_key(self) -> str | None:
        """The secret in the address of the pages that show sent mail, None where they are not served.

        Mail contains codes. So the pages are served on a loopback address only, and the secret of this
        process keeps out other users of the machine.
        """
        has_mailbox = self.mailbox_dir is not None and is_loopback(self.host)
        return self._mailbox_key if has_mailbox else None

    @model_validator(mode="before")
    @classmethod
    def _own_keys(cls, values: dict[str, object]) -> dict[str, object]:
        """Default to keys of the data directory, and without a mail server to its mailbox."""
        if not values.keys() & {"smtp_host", "mailbox_dir"}:
            values = {**values, "mailbox_dir": data_directory() / "mailbox"}
        try:
            values = {**browser_defaults(values), **values}
            if values.keys() & {"secret_key", "jwks", "jwks_file"}:
                return values
            path = signing_keys(values)
            return {**values, "jwks_file": path, "jwks": path.read_text(encoding="utf-8")}
        except OSError as error:
            raise SettingsError(f"DOORWARD_DATA_DIR cannot be used: {error}") from None
