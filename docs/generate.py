"""Write the tables of the READMEs, docs/api and the codes of errors from the code and the chart.

`python docs/generate.py` writes them, `--check` fails if one is out of date.
"""

import json
import re
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from fastapi import FastAPI
from pydantic import SecretStr

from api_files import api_files
from chart_values import values_table
from doorward.docs import merged_openapi
from doorward.settings import StandaloneSettings
from doorward_auth.main import create_app as create_auth
from doorward_auth.settings import AuthSettings
from doorward_client.settings import DoorwardSettings
from doorward_kit.openapi_errors import FILE
from doorward_tickets.main import create_app as create_tickets
from doorward_tickets.settings import TicketsSettings
from doorward_users.main import create_app as create_users
from doorward_users.settings import UsersSettings
from endpoints import endpoints_table
from error_codes import errors_of, errors_table
from route_errors import route_errors
from settings_tables import settings_tables

ROOT: Final = Path(__file__).parent.parent
_EXAMPLE: Final = {
    "database_url": SecretStr("sqlite://"),
    "secret_key": SecretStr("only to build the applications, never to sign"),
}
_TICKETS_EXAMPLE: Final = {
    "auth_url": "http://auth:8000/api/v1/auth",
    "users_url": "http://users:8000/api/v1/users",
    "client_id": "tickets",
    "client_secret": SecretStr("only to build the applications, never to ask"),
}
_COMPUTED: Final = {
    "database_url": "`var/doorward.db` (SQLite)",
    "tickets_database_url": "`var/tickets.db` (SQLite)",
    "jwks_file": "`var/keys.json`",
    "oidc_jwks_file": "`var/oidc-keys.json`",
    "public_url": "`http://127.0.0.1:8080`",
    "issuer": "`http://127.0.0.1:8080/api/v1/auth`",
    "mailbox_dir": "`var/mailbox`",
}
"""Defaults of the one process that its settings compute from the data directory."""


class Service(NamedTuple):
    """What the README of a service is generated from."""

    folder: str
    settings: type[DoorwardSettings]
    important: Sequence[str]
    """The ten settings that its table begins with."""

    @property
    def readme(self) -> Path:
        """The README of this service."""
        return ROOT / "services" / self.folder / "README.md"

    @property
    def errors(self) -> Path:
        """The error codes of this service's operations."""
        return ROOT / "services" / self.folder / "src" / f"doorward_{self.folder}" / FILE


AUTH: Final = Service(
    "auth",
    AuthSettings,
    (
        "database_url",
        "secret_key",
        "jwks_file",
        "oauth_clients",
        "registration",
        "frontend_url",
        "smtp_host",
        "mail_from",
        "trusted_proxies",
        "redis_url",
    ),
)
USERS: Final = Service(
    "users",
    UsersSettings,
    (
        "database_url",
        "secret_key",
        "jwks_file",
        "auth_url",
        "directory_visibility",
        "admin_set_password_must_change",
        "trusted_proxies",
        "redis_url",
        "pagination_secret",
        "log_level",
    ),
)
TICKETS: Final = Service(
    "tickets",
    TicketsSettings,
    (
        "database_url",
        "auth_url",
        "client_id",
        "client_secret",
        "users_url",
        "secret_key",
        "jwks_file",
        "frontend_url",
        "smtp_host",
        "mail_from",
    ),
)
STANDALONE: Final = Service(
    "standalone",
    StandaloneSettings,
    (
        "port",
        "host",
        "admin_email",
        "admin_password",
        "registration",
        "database_url",
        "tickets_database_url",
        "frontend_url",
        "smtp_host",
        "mail_from",
    ),
)


def generated() -> dict[Path, str]:
    """Return every generated file and what it should hold."""
    auth = create_auth(AuthSettings.model_validate(_EXAMPLE))
    users = create_users(UsersSettings.model_validate(_EXAMPLE))
    tickets = create_tickets(TicketsSettings.model_validate(_EXAMPLE | _TICKETS_EXAMPLE))
    errors = {}
    for service, application in ((AUTH, auth), (USERS, users), (TICKETS, tickets)):
        codes = route_errors(application)
        application.state.operation_errors = partial(dict, codes)
        errors[service.errors] = json.dumps(codes, indent=1) + "\n"
    api, document = ROOT / "docs" / "api", merged_openapi([auth, users, tickets])
    chart = ROOT / "charts" / "doorward"
    values = values_table((chart / "values.yaml").read_text(encoding="utf-8"))
    return {
        **errors,
        AUTH.readme: service_readme(AUTH, auth),
        USERS.readme: service_readme(USERS, users),
        TICKETS.readme: service_readme(TICKETS, tickets),
        STANDALONE.readme: standalone_readme(),
        api / "openapi.json": json.dumps(document, indent=1) + "\n",
        **{api / name: text for name, text in api_files(document).items()},
        chart / "README.md": filled(chart / "README.md", values=values),
    }


def service_readme(service: Service, application: FastAPI) -> str:
    """Return the README of a service with its tables."""
    return filled(
        service.readme,
        endpoints=endpoints_table(application.openapi()),
        errors=errors_table(errors_of(f"doorward_{service.folder}")),
        settings=settings_tables(service.settings, service.important),
    )


def standalone_readme() -> str:
    """Return the README of the one process: its own settings, and those whose default differs there."""
    defaults = {
        (name, field.default)
        for service in (AUTH, USERS, TICKETS)
        for name, field in service.settings.model_fields.items()
    }

    def is_own(name: str) -> bool:
        return name in _COMPUTED or (name, STANDALONE.settings.model_fields[name].default) not in defaults

    table = settings_tables(STANDALONE.settings, STANDALONE.important, computed=_COMPUTED, only=is_own)
    return filled(STANDALONE.readme, settings=table)


def filled(path: Path, **tables: str) -> str:
    """Return a file's text with each table between its markers; raises ValueError where one has none."""
    text = path.read_text(encoding="utf-8")
    for name, table in tables.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        markers = pattern.search(text)
        if markers is None:
            raise ValueError(f"{path} has no markers <!-- {name} --> and <!-- /{name} -->")
        before, after = text[: markers.end(1)], text[markers.start(2) :]
        text = f"{before}\n{table}\n\n{after}"
    return text


def main() -> int:
    """Write, or with --check compare."""
    stale = []
    for path, text in generated().items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(str(path.relative_to(ROOT)))
        if "--check" not in sys.argv:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale:
        print(("out of date, run `make docs`: " if "--check" in sys.argv else "wrote ") + ", ".join(stale))
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
