"""Auth and users over one database and tickets over its own, in this process, as production builds them."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx2
import sqlalchemy as sa
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.testclient import TestClient

from doorward_auth.main import create_app as create_auth
from doorward_auth.settings import AuthSettings
from doorward_client.revocations.poller import RevocationPoller
from doorward_identity.tables import metadata
from doorward_kit.app import AppResources, InProcessTransport
from doorward_kit.database import create_engine
from doorward_tickets.main import create_app as create_tickets
from doorward_tickets.settings import TicketsSettings
from doorward_tickets.tables import metadata as tickets_metadata
from doorward_users.main import create_app as create_users
from doorward_users.settings import UsersSettings
from integration.harness import contents
from integration.harness.databases import transaction

SECRET_KEY: Final = "integration-tests-only-0123456789abcdefghijklmnop"
CLIENT: Final = ("reports", "a registered service of the tests: 0123456789")
AUTH: Final = "/api/v1/auth"
USERS: Final = "/api/v1/users"
TICKETS: Final = "/api/v1/tickets"

_NO_FOLDER: Final = Path("/dev/null/mailbox")
_SETTINGS: Final[dict[str, Any]] = {
    "secret_key": SecretStr(SECRET_KEY),
    "argon2_memory_kib": 64,
    "argon2_time_cost": 1,
    "argon2_parallelism": 1,
    "hash_queue_timeout_seconds": 10.0,
    "database_timeout_seconds": 10.0,
    "users_timeout_seconds": 10.0,
    # The lists of revoked tokens are read when the harness says so: see Installation.sync_revocations.
    "revocation_poll_seconds": 60.0,
    # And the feed of deletions: see Installation.follow_deletions.
    "deleted_users_poll_seconds": 3600.0,
    # The client of these tests returns a response when it has ended.
    "events_max_seconds": 0.01,
    # Tests of the wait set their own.
    "rejection_delay_seconds": 0.0,
    # Tests of quotas set their own.
    "tickets_per_hour": 100_000,
    "replies_per_hour": 100_000,
}


@dataclass(frozen=True)
class Tokens:
    """What a login or a refresh answered."""

    access: str
    refresh: str


def auth_settings(database_url: str, **overrides: Any) -> AuthSettings:
    """Explicit settings with hashes that cost microseconds."""
    own = {"oauth_clients": SecretStr(json.dumps(dict([CLIENT]))), "registration": "open"}
    known = {name: value for name, value in _SETTINGS.items() if name in AuthSettings.model_fields}
    return AuthSettings(**{"database_url": SecretStr(database_url), **known, **own, **overrides})


def users_settings(database_url: str, **overrides: Any) -> UsersSettings:
    """Explicit settings with hashes that cost microseconds."""
    known = {name: value for name, value in _SETTINGS.items() if name in UsersSettings.model_fields}
    return UsersSettings(**{"database_url": SecretStr(database_url), **known, **overrides})


def tickets_settings(database_url: str, **overrides: Any) -> TicketsSettings:
    """Explicit settings; the other services are in this process, where their hosts' names mean nothing."""
    known = {name: value for name, value in _SETTINGS.items() if name in TicketsSettings.model_fields}
    own = {
        "database_url": SecretStr(database_url),
        "users_url": f"http://users{USERS}",
        "auth_url": f"http://auth{AUTH}",
        "client_id": CLIENT[0],
        "client_secret": SecretStr(CLIENT[1]),
    }
    return TicketsSettings(**{**known, **own, **overrides})


def _poll_only_when_told(poller: RevocationPoller) -> None:
    """Leave the list of revoked tokens to Installation.sync_revocations.

    A poll that has read the database of one test would otherwise bring its entries into the next.
    """
    poller._interval = 3_600.0
    poller.wake = _do_nothing  # type: ignore[method-assign]  # of this object alone


def _do_nothing() -> None:
    """Stand in for what a test does itself."""


class Installation:
    """Every service; `call` routes by prefix, as the ingress does. Overrides go to all their settings.

    Tickets is there where it is given a database of its own. Without a setting of mail, mail can be asked
    for, and waits in the outbox.
    """

    def __init__(self, database_url: str, tickets_url: Any = None, **overrides: Any) -> None:
        self.database_url = database_url
        self.tickets_url: str | None = tickets_url
        keeps_mail = not overrides.keys() & {"mailbox_dir", "smtp_host"}
        if keeps_mail:
            overrides = {**overrides, "mailbox_dir": _NO_FOLDER}
        names = overrides.keys()
        self.auth_app: FastAPI = create_auth(
            auth_settings(
                database_url, **{name: overrides[name] for name in names & AuthSettings.model_fields}
            )
        )
        self.users_app: FastAPI = create_users(
            users_settings(
                database_url, **{name: overrides[name] for name in names & UsersSettings.model_fields}
            )
        )
        own = tickets_settings(
            tickets_url or database_url,
            **{name: overrides[name] for name in names & TicketsSettings.model_fields},
        )
        self.tickets_app: FastAPI = create_tickets(
            own,
            AppResources(own, parent=self.users_app.state.resources, name="tickets"),
            InProcessTransport(app=self.users_app),
            InProcessTransport(app=self.auth_app),
        )
        if keeps_mail:
            for app in (self.auth_app, self.tickets_app):
                app.state.services.mail._delivery = None
        for app in (self.auth_app, self.users_app):
            _poll_only_when_told(app.state.resources.verification.poller)
        self.auth = TestClient(self.auth_app, raise_server_exceptions=False)
        self.users = TestClient(self.users_app, raise_server_exceptions=False)
        self.tickets = TestClient(self.tickets_app, raise_server_exceptions=False)
        self.engine = create_engine(database_url, pool_size=4, timeout=10)
        self.tickets_engine = create_engine(tickets_url or database_url, pool_size=4, timeout=10)

    def call(
        self,
        method: str,
        path: str,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> httpx2.Response:
        """Send one request; the cookie jar stays empty, so nothing carries over."""
        client = self.users if path.startswith(USERS) else self.auth
        if path.startswith(TICKETS):
            client = self.tickets
        # As bytes: hostile headers are not ASCII.
        sent = [(name.encode("ascii"), value.encode("utf-8")) for name, value in (headers or {}).items()]
        if token is not None:
            sent.append((b"authorization", b"Bearer " + token.encode("utf-8")))
        response: httpx2.Response = client.request(method, path, headers=sent, **options)
        if method != "GET" and response.status_code < 300 and client is not self.tickets:
            self.sync_revocations()
        return response

    def sync_revocations(self) -> None:
        """Bring both services' lists of revoked tokens up to date, as two seconds of waiting would."""
        for client, app in ((self.auth, self.auth_app), (self.users, self.users_app)):
            if client.portal is not None:
                client.portal.call(app.state.resources.revocation_poller.update)

    def send_mail(self) -> None:
        """Let auth look for mail in its outbox, as some seconds of waiting would."""
        assert self.auth.portal is not None
        self.auth.portal.call(self.auth_app.state.services.mail.wake)

    def follow_deletions(self) -> None:
        """Let tickets learn who was deleted, as a few seconds of waiting would."""
        assert self.tickets.portal is not None
        self.tickets.portal.call(self.tickets_app.state.services.deleted_users.catch_up)

    def log_in(self, email: str, password: str) -> Tokens:
        """Log in; fails the test when rejected."""
        response = self.call("POST", f"{AUTH}/token", json={"email": email, "password": password})
        assert response.status_code == 200, response.text
        return tokens_of(response)

    def refresh(self, refresh_token: str) -> httpx2.Response:
        """Present a refresh token."""
        return self.call("POST", f"{AUTH}/refresh-token", json={"refresh_token": refresh_token})

    def execute(self, statement: str | sa.Executable, **values: Any) -> list[tuple[Any, ...]]:
        """Run one statement behind the services' backs; return its rows, if it has any."""
        executable = sa.text(statement) if isinstance(statement, str) else statement
        with self.engine.connect() as connection:
            result = connection.execute(executable, values)
            return [tuple(row) for row in result] if result.returns_rows else []

    def transaction(self) -> AbstractContextManager[sa.Connection]:
        """Give a transaction in the database of auth and users, committed at the block's end."""
        return transaction(self.engine)

    def wipe_tickets(self) -> None:
        """Delete every ticket, where there is a database of them."""
        if self.tickets_url is not None:
            contents.reset(self.tickets_engine, tickets_metadata, contents.EMPTY)

    def fill(self, rows: contents.Rows) -> None:
        """Make the directory contain exactly `rows`, without any ticket."""
        self.wipe_tickets()
        contents.reset(self.engine, metadata, rows)
        self.forget_revocations()

    def wipe(self) -> None:
        """Delete all users and all their data."""
        self.fill(contents.EMPTY)

    def forget_revocations(self) -> None:
        """Empty both services' lists: the same people come again, whose tokens were revoked before."""
        for app in (self.auth_app, self.users_app):
            revocations = app.state.resources.verification.revocations
            revocations._sessions.clear()
            revocations._users.clear()
            revocations._fingerprint = 0

    def __enter__(self) -> Self:
        self.auth.__enter__()
        self.users.__enter__()
        if self.tickets_url is not None:
            self.tickets.__enter__()
        self.sync_revocations()  # no token is accepted before the first list of revocations
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.tickets_url is not None:
            self.tickets.__exit__(kind, error, traceback)
        self.users.__exit__(kind, error, traceback)
        self.auth.__exit__(kind, error, traceback)
        self.engine.dispose()
        self.tickets_engine.dispose()


@contextmanager
def reconfigured(installation: Installation, **overrides: Any) -> Iterator[Installation]:
    """Run further replicas over the same database with other settings."""
    with Installation(installation.database_url, installation.tickets_url, **overrides) as replica:
        yield replica


def tokens_of(response: httpx2.Response) -> Tokens:
    """Read the pair of tokens from an answer."""
    body = response.json()
    return Tokens(body["access_token"], body["refresh_token"])
