"""Numbers of tickets from several processes over one MariaDB: unique, and without waiting for each other."""

import asyncio
import uuid
from collections.abc import Iterator
from typing import Final

import httpx2
import pytest
import sqlalchemy as sa

from doorward_kit.database import create_engine
from doorward_tickets.numbers.repository import number_batch, take_number
from doorward_tickets.tables import ticket_numbers, tickets
from integration.harness.installation import TICKETS
from integration.harness.tickets import TICKET
from integration.harness.tickets_chain import Chain, new_chain
from support.databases import DatabaseServer

CREATED: Final = 120
AT_ONCE: Final = 12


@pytest.fixture(scope="module")
def chain(mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    env = {"DOORWARD_DATABASE_TIMEOUT_SECONDS": "10", "DOORWARD_TICKETS_PER_HOUR": "1000000"}
    folder = tmp_path_factory.mktemp("numbers")
    with new_chain(mariadb_server, folder, more=1, **env) as chain, chain.tickets, chain.more[0]:
        yield chain


@pytest.fixture
def engine(chain: Chain) -> Iterator[sa.Engine]:
    """Connections of the account that the service has, without more privileges."""
    engine = create_engine(chain.tickets.env["DOORWARD_DATABASE_URL"], pool_size=4, timeout=5)
    yield engine
    engine.dispose()


def begin(engine: sa.Engine) -> sa.Connection:
    connection = engine.connect()
    connection.exec_driver_sql("BEGIN")
    return connection


async def create_at_once(chain: Chain, tokens: list[str]) -> list[int]:
    """Create tickets through both processes in parallel; return their numbers."""
    urls = [service.url for service in (chain.tickets, *chain.more)]
    slots = asyncio.Semaphore(AT_ONCE)
    async with httpx2.AsyncClient(timeout=20) as client:

        async def create(place: int) -> int:
            headers = {"Authorization": f"Bearer {tokens[place % len(tokens)]}"}
            async with slots:
                response = await client.post(
                    f"{urls[place % len(urls)]}{TICKETS}", headers=headers, json=dict(TICKET)
                )
            assert response.status_code == 201, response.text
            return int(response.json()["number"])

        return await asyncio.gather(*map(create, range(CREATED)))


def test_tickets_created_at_once_have_different_numbers(chain: Chain) -> None:
    # Administrators have no quota, whose counter would make the creators wait for each other.
    tokens = [chain.log_in(f"{name}@example.com") for name in ("admin", "deputy", "user")]
    numbers = asyncio.run(create_at_once(chain, tokens))
    assert len(set(numbers)) == CREATED


def test_a_creator_that_has_not_committed_holds_up_no_other(chain: Chain, engine: sa.Engine) -> None:
    """A counter row would be locked until the commit."""
    slow, quick = begin(engine), begin(engine)
    try:
        first = take_number(slow, uuid.uuid4())
        quick.exec_driver_sql("SET innodb_lock_wait_timeout = 1")
        second = take_number(quick, uuid.uuid4())
        quick.commit()
        slow.rollback()
        assert second > first
        assert take_number(quick, uuid.uuid4()) > second, "the number that was rolled back is a gap"
        quick.rollback()
    finally:
        slow.close()
        quick.close()
    token = chain.log_in("user@example.com")
    assert chain.ticket("POST", TICKETS, token, json=dict(TICKET))[1]["number"] > second


def test_replicas_number_different_tickets(chain: Chain, engine: sa.Engine) -> None:
    """Each takes the tickets that the other has not locked; together they leave none."""
    with engine.connect() as connection:
        connection.execute(tickets.update().values(number=None))
        connection.commit()
        total = connection.execute(sa.select(sa.func.count()).select_from(tickets)).scalar_one()
    chain.own.execute("DELETE FROM ticket_numbers")  # which the service's account may not
    first, second = begin(engine), begin(engine)
    try:
        counts = [number_batch(first), number_batch(second)]
        first.commit()
        second.commit()
    finally:
        first.close()
        second.close()
    assert counts[0] + counts[1] == total
    with engine.connect() as connection:
        numbers = connection.execute(sa.select(tickets.c.number)).scalars().all()
        stored = connection.execute(sa.select(ticket_numbers.c.number)).scalars().all()
    assert sorted(numbers) == sorted(stored)
    assert len(set(numbers)) == total
