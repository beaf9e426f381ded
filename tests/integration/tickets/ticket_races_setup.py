"""Two tickets processes over one MariaDB, and users who change tickets through both at the same time."""

import json
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from doorward_kit.database import create_engine
from doorward_kit.migrations import migrate
from doorward_tickets.schema import PACKAGE
from integration.harness.deployment import Deployment
from integration.harness.installation import AUTH, SECRET_KEY, TICKETS, USERS
from integration.harness.people import PASSWORD
from integration.harness.raw_http import RawHttpClient, Reply
from support.databases import DatabaseServer
from support.services import NO_QUOTAS, PATIENT, Service

TICKETS_PER_HOUR: Final = int(NO_QUOTAS["DOORWARD_TICKETS_PER_HOUR"])
REPLIES_PER_HOUR: Final = int(NO_QUOTAS["DOORWARD_REPLIES_PER_HOUR"])
TICKETS_PER_USER: Final = 400
BYTES_PER_USER: Final = 10_000_000

_CLIENT: Final = ("tickets", "the tickets service of the tests: 0123456789")


class RaceSetup:
    """Two tickets processes, their database, and users with their ids and tokens."""

    def __init__(
        self, services: list[Service], engine: sa.Engine, ids: dict[str, uuid.UUID], tokens: dict[str, str]
    ) -> None:
        self.services = services
        self.engine = engine
        self.ids = ids
        self.clients = [RawHttpClient(service.port) for service in services]
        self.tokens = tokens

    async def send(self, process: int, method: str, path: str, who: str, body: object = None) -> Reply:
        """Send one request to one of the processes."""
        return await self.clients[process].call(method, f"{TICKETS}{path}", self.tokens[who], body)

    async def call(self, process: int, method: str, path: str, who: str, body: object = None) -> Reply:
        """Send a request that must succeed."""
        reply = await self.send(process, method, path, who, body)
        assert reply.status in {200, 201}, reply
        return reply

    async def close_connections(self) -> None:
        """Close the connections, which belong to a test's event loop."""
        for client in self.clients:
            await client.close()


@contextmanager
def new_race_setup(server: DatabaseServer, folder: Path) -> Iterator[RaceSetup]:
    with ExitStack() as stop:
        identity = stop.enter_context(server.create_database("id"))
        own = stop.enter_context(server.create_database("tk"))
        engine = create_engine(own.url, pool_size=1, timeout=30)
        stop.callback(engine.dispose)
        migrate(engine, PACKAGE)
        clients = json.dumps(dict([_CLIENT]))
        chain = Deployment(identity.url, folder, DOORWARD_OAUTH_CLIENTS=clients, **PATIENT)
        stop.enter_context(chain)
        people = chain.people()
        env = {
            "DOORWARD_SECRET_KEY": SECRET_KEY,
            "DOORWARD_AUTH_URL": f"{chain.auth.url}{AUTH}",
            "DOORWARD_CLIENT_ID": _CLIENT[0],
            "DOORWARD_CLIENT_SECRET": _CLIENT[1],
            "DOORWARD_USERS_URL": f"{chain.users.url}{USERS}",
            "DOORWARD_TICKETS_PER_USER": str(TICKETS_PER_USER),
            "DOORWARD_TICKET_BYTES_PER_USER": str(BYTES_PER_USER),
            **PATIENT,
        }
        services = [
            Service("tickets", database_url=own.url, log=folder / f"tickets-{number}.log", env=env)
            for number in range(2)
        ]
        for service in services:
            stop.enter_context(service)
        names = ("admin", "deputy", "user", "other")
        ids = {name: uuid.UUID(getattr(people, name).id) for name in names}
        yield RaceSetup(services, engine, ids, {name: _log_in(chain, name) for name in names})


def _log_in(chain: Deployment, name: str) -> str:
    body = {"email": f"{name}@example.com", "password": PASSWORD}
    return str(chain.call("POST", f"{AUTH}/token", json=body).response.json()["access_token"])
