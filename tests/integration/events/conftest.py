"""Two auth processes and a users process over one database."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from doorward_auth.events import repository
from doorward_auth.events.event import Event
from doorward_client import base64url
from doorward_kit.database import create_engine
from integration.harness.bulk_users import Member, enrol
from integration.harness.databases import NewDatabase
from integration.harness.people import PASSWORD
from support.client import AUTH
from support.preloaded import Constants
from support.services import PATIENT, Service, ServiceName, migrate

KEEPALIVE_SECONDS: Final = 0.2


@dataclass(frozen=True)
class Processes:
    """Every process, and a client of all."""

    database_url: str
    folder: Path
    client: httpx2.Client
    auth: Service
    other_auth: Service
    users: Service

    def call(
        self, service: Service, method: str, path: str, token: str | None = None, **options: Any
    ) -> httpx2.Response:
        """Send one request; fails the test unless it succeeds."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        response = self.client.request(method, service.url + path, headers=headers, **options)
        assert response.is_success, response.text
        return response

    def member(self, role: str = "user") -> Member:
        """Return a new account."""
        return enrol(self.database_url, 1, role=role)[0]

    def log_in(self, member: Member | None = None, *, at: Service | None = None) -> str:
        """Return an access token of a new session, of a new user unless one is given."""
        login = {"email": (member or self.member()).email, "password": PASSWORD}
        response = self.call(at or self.auth, "POST", f"{AUTH}/token", json=login)
        return str(response.json()["access_token"])

    def another_auth(self, constants: Constants | None = None, **env: str) -> Service:
        """Return an auth process with other settings, which the test starts and stops."""
        return _service("auth", self.database_url, self.folder, constants, **env)

    def publish(self, token: str, *events: Event, to_session: bool = False) -> None:
        """Publish events to the user of a token, or to its session alone, as a feature of auth does."""
        claims = claims_of(token)
        session_id = uuid.UUID(claims["sid"]) if to_session else None
        engine = create_engine(self.database_url, pool_size=1, timeout=30)
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            for event in events:
                repository.add(connection, uuid.UUID(claims["sub"]), session_id, event)
            connection.commit()
        engine.dispose()

    def metric(self, service: Service, name: str) -> float:
        """Return a metric; `name` includes its labels."""
        text = self.client.get(f"{service.url}/metrics").text
        [line] = [line for line in text.splitlines() if line.startswith(name + " ")]
        return float(line.split()[1])


def claims_of(token: str) -> dict[str, Any]:
    """Read the claims of an access token, as its owner can."""
    claims: dict[str, Any] = json.loads(base64url.decode(token.split(".")[1]))
    return claims


@pytest.fixture(scope="package")
def processes(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    url, folder = new_database("sqlite", "events"), tmp_path_factory.mktemp("events")
    migrate(url)
    with (
        httpx2.Client(timeout=60) as client,
        _service("auth", url, folder) as auth,
        _service("auth", url, folder) as other_auth,
        _service("users", url, folder) as users,
    ):
        yield Processes(url, folder, client, auth, other_auth, users)


def _service(
    name: ServiceName, url: str, folder: Path, constants: Constants | None = None, **env: str
) -> Service:
    own = {"DOORWARD_EVENTS_KEEPALIVE_SECONDS": str(KEEPALIVE_SECONDS)}
    log = folder / f"{name}-{len(list(folder.iterdir()))}.log"
    log.touch()
    return Service(name, database_url=url, log=log, env={**PATIENT, **own, **env}, constants=constants)
