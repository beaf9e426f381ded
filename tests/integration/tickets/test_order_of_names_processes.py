"""A user is renamed repeatedly while writing to two processes; the stored name never becomes older."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from typing import Final

import pytest

from integration.harness.installation import TICKETS, USERS
from integration.harness.raw_http import RawHttpClient
from integration.harness.tickets import TICKET
from integration.harness.tickets_chain import Chain, new_chain
from support.databases import DatabaseServer

NAMES: Final = 150
WRITERS: Final = 8


@pytest.fixture(scope="module")
def chain(mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    folder = tmp_path_factory.mktemp("names")
    with new_chain(mariadb_server, folder, more=1) as chain, chain.tickets, chain.more[0]:
        yield chain


async def write_on(chain: Chain, token: str, is_over: asyncio.Event, process: int) -> None:
    """Write tickets until the test ends."""
    wire = RawHttpClient((chain.tickets, *chain.more)[process].port)
    while not is_over.is_set():
        reply = await wire.call("POST", TICKETS, token, dict(TICKET))
        assert reply.status == 201, reply
    await wire.close()


def names_seen(chain: Chain, is_over: asyncio.Event) -> list[int]:
    """Read the stored name repeatedly until the test ends; return the observed names in order."""
    seen: list[int] = []
    with closing(chain.own.server.connect(chain.own.name)) as connection, connection.cursor() as cursor:
        while not is_over.is_set():
            cursor.execute("SELECT name FROM user_snapshots")
            seen += [int(name) for (name,) in cursor.fetchall()]
    return seen


async def rename_on(chain: Chain, token: str) -> None:
    wire = RawHttpClient(chain.users.port)
    for number in range(1, NAMES + 1):
        reply = await wire.call("PATCH", f"{USERS}/me", token, {"name": str(number)})
        assert reply.status == 200, reply
    await wire.close()


async def test_parallel_processes_do_not_replace_a_newer_name(chain: Chain) -> None:
    token = chain.log_in("user@example.com")
    assert chain.call("PATCH", f"{USERS}/me", token, json={"name": "0"}).status == 200
    is_over = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        looking = tasks.create_task(asyncio.to_thread(names_seen, chain, is_over))
        for number in range(WRITERS):
            tasks.create_task(write_on(chain, token, is_over, number % 2))
        try:
            await rename_on(chain, token)
        finally:
            is_over.set()
    seen = looking.result()
    assert seen == sorted(seen)
    assert len(set(seen)) > NAMES // 4, "they did not meet"
    _, last = chain.ticket("POST", TICKETS, token, json=dict(TICKET))
    assert last["author"]["name"] == str(NAMES)
