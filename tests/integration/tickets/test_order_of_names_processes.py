"""A user is renamed repeatedly while writing to two processes; the stored name never becomes older."""

import asyncio
import itertools
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
SEEN: Final = 40
"""Different names that are to be seen. A busy machine needs more than NAMES for that."""

HANG_SECONDS: Final = 120.0
WRITERS: Final = 8


@pytest.fixture(scope="module")
def chain(mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    folder = tmp_path_factory.mktemp("names")
    with new_chain(mariadb_server, folder, more=1) as chain, chain.tickets, chain.more[0]:
        yield chain


async def write_on(chain: Chain, token: str, is_over: asyncio.Event, process: int) -> None:
    """Write tickets until the test ends."""
    http = RawHttpClient((chain.tickets, *chain.more)[process].port)
    while not is_over.is_set():
        reply = await http.call("POST", TICKETS, token, dict(TICKET))
        assert reply.status == 201, reply
    await http.close()


def note_names(chain: Chain, is_over: asyncio.Event, seen: list[int]) -> None:
    """Read the stored name repeatedly until the test ends, and append it."""
    with closing(chain.own.server.connect(chain.own.name)) as connection, connection.cursor() as cursor:
        while not is_over.is_set():
            cursor.execute("SELECT name FROM user_snapshots")
            seen += [int(name) for (name,) in cursor.fetchall()]


async def rename_on(chain: Chain, path: str, seen: list[int]) -> int:
    """Rename the user until enough names were seen; return the last name. Users themselves have a limit."""
    admin = chain.log_in("admin@example.com")
    http = RawHttpClient(chain.users.port)
    async with asyncio.timeout(HANG_SECONDS):
        for number in itertools.count(1):
            reply = await http.call("PATCH", path, admin, {"name": str(number)})
            assert reply.status == 200, reply
            if number >= NAMES and len(set(seen)) >= SEEN:
                break
    await http.close()
    return number


async def test_parallel_processes_do_not_replace_a_newer_name(chain: Chain) -> None:
    token = chain.log_in("user@example.com")
    renamed = chain.call("PATCH", f"{USERS}/me", token, json={"name": "0"})
    assert renamed.status == 200
    path = f"{USERS}/{renamed.response.json()['id']}"
    is_over = asyncio.Event()
    seen: list[int] = []
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(asyncio.to_thread(note_names, chain, is_over, seen))
        for number in range(WRITERS):
            tasks.create_task(write_on(chain, token, is_over, number % 2))
        try:
            last_name = await rename_on(chain, path, seen)
        finally:
            is_over.set()
    assert seen == sorted(seen)
    _, last = chain.ticket("POST", TICKETS, token, json=dict(TICKET))
    assert last["author"]["name"] == str(last_name)
