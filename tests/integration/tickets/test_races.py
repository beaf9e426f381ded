"""Two administrators close a ticket while its author replies, through two processes: no reply is lost."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Final

import pytest

from doorward_kit.database import create_engine
from doorward_kit.migrations import migrate
from doorward_tickets.schema import PACKAGE
from integration.harness.deployment import Deployment
from integration.harness.installation import AUTH, SECRET_KEY, TICKETS, USERS
from integration.harness.people import PASSWORD
from integration.harness.races import together
from integration.harness.raw_http import RawHttpClient, Reply
from integration.harness.tickets import TICKET
from support.databases import DatabaseServer
from support.services import PATIENT, Service

ROUNDS: Final = 250
AT_ONCE: Final = 4
CLIENT: Final = ("tickets", "the tickets service of the tests: 0123456789")


class Desk:
    """Two tickets processes over one database, and three users."""

    def __init__(self, services: list[Service], tokens: dict[str, str]) -> None:
        self.clients = [RawHttpClient(service.port) for service in services]
        self.tokens = tokens

    async def call(self, process: int, method: str, path: str, who: str, body: object = None) -> Reply:
        """Send one request to one of the processes; it must succeed."""
        reply = await self.clients[process].call(method, f"{TICKETS}{path}", self.tokens[who], body)
        assert reply.status in {200, 201}, reply
        return reply


@pytest.fixture(scope="module")
def desk(mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    with ExitStack() as stop:
        identity = stop.enter_context(mariadb_server.create_database("id"))
        own = stop.enter_context(mariadb_server.create_database("tk"))
        engine = create_engine(own.url, pool_size=1, timeout=30)
        migrate(engine, PACKAGE)
        engine.dispose()
        clients = json.dumps(dict([CLIENT]))
        chain = Deployment(identity.url, folder, DOORWARD_OAUTH_CLIENTS=clients, **PATIENT)
        stop.enter_context(chain)
        chain.people()
        env = {
            "DOORWARD_SECRET_KEY": SECRET_KEY,
            "DOORWARD_AUTH_URL": f"{chain.auth.url}{AUTH}",
            "DOORWARD_CLIENT_ID": CLIENT[0],
            "DOORWARD_CLIENT_SECRET": CLIENT[1],
            "DOORWARD_USERS_URL": f"{chain.users.url}{USERS}",
            **PATIENT,
        }
        services = [
            Service("tickets", database_url=own.url, log=folder / f"tickets-{number}.log", env=env)
            for number in range(2)
        ]
        for service in services:
            stop.enter_context(service)
        yield Desk(services, {who: log_in(chain, who) for who in ("admin", "deputy", "user")})


def log_in(chain: Deployment, who: str) -> str:
    body = {"email": f"{who}@example.com", "password": PASSWORD}
    return str(chain.call("POST", f"{AUTH}/token", json=body).response.json()["access_token"])


async def one_round(desk: Desk, number: int) -> dict[str, Any]:
    """Let the three change a new ticket, the author through both processes; return the ticket."""
    ticket = (await desk.call(number % 2, "POST", "", "user", TICKET)).json()
    path = f"/{ticket['id']}"
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(desk.call(0, "PATCH", f"{path}/close", "admin"))
        tasks.create_task(desk.call(1, "PATCH", f"{path}/close", "deputy"))
        replies = [
            tasks.create_task(desk.call(process, "POST", f"{path}/replies", "user", {"body": f"{process}"}))
            for process in range(2)
        ]
    assert {reply.result().json()["number"] for reply in replies} == {1, 2}
    return (await desk.call((number + 1) % 2, "GET", path, "user")).json()


async def test_parallel_replies_and_closings_lose_no_reply(desk: Desk) -> None:
    ended = await together(ROUNDS, lambda number: one_round(desk, number), at_once=AT_ONCE)
    for ticket in ended:
        assert sorted(one["body"] for one in ticket["replies"]) == ["0", "1"]
        assert ticket["reply_count"] == 2
    # Control: both a reply and a closing came last in some rounds.
    assert {ticket["status"] for ticket in ended} == {"open", "closed"}
    for wire in desk.clients:
        await wire.close()
