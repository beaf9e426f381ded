"""Parallel changes through two processes: replies, quotas, deletions."""

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import pytest
import sqlalchemy as sa

from doorward_kit.column_types import utc_now
from doorward_kit.rate_limiting.algorithms import FixedWindow
from doorward_kit.rate_limiting.keys import LimitKey
from doorward_tickets.deletions.repository import purge_remains
from doorward_tickets.tables import (
    deleted_tickets,
    notification_mutes,
    pending_notifications,
    rate_limits,
    replies,
    ticket_search_terms,
    tickets,
)
from integration.harness.races import together
from integration.harness.raw_http import Reply
from integration.harness.tickets import TICKET
from integration.tickets.desk import (
    REPLIES_PER_HOUR,
    TICKETS_PER_HOUR,
    TICKETS_PER_USER,
    Desk,
    new_desk,
)
from support.databases import DatabaseServer

ROUNDS: Final = 250
DELETIONS: Final = 40
AT_ONCE: Final = 4
LEFT: Final = 12
SURPLUS: Final = 18


@pytest.fixture(scope="module")
def shared_desk(mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with new_desk(mariadb_server, tmp_path_factory.mktemp("desk")) as desk:
        yield desk


@pytest.fixture
async def desk(shared_desk: Desk) -> AsyncIterator[Desk]:
    yield shared_desk
    await shared_desk.close_connections()


async def one_round(desk: Desk, number: int) -> dict[str, Any]:
    """Let the three change a new ticket, the author through both processes; return the ticket."""
    ticket = (await desk.call(number % 2, "POST", "", "user", TICKET)).json()
    path = f"/{ticket['id']}"
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(desk.call(0, "PATCH", f"{path}/close", "admin"))
        tasks.create_task(desk.call(1, "PATCH", f"{path}/close", "deputy"))
        new = [
            tasks.create_task(desk.call(process, "POST", f"{path}/replies", "user", {"body": f"{process}"}))
            for process in range(2)
        ]
    assert {reply.result().json()["number"] for reply in new} == {1, 2}
    return (await desk.call((number + 1) % 2, "GET", path, "user")).json()


async def test_parallel_replies_and_closings_lose_no_reply(desk: Desk) -> None:
    ended = await together(ROUNDS, lambda number: one_round(desk, number), at_once=AT_ONCE)
    for ticket in ended:
        assert sorted(one["body"] for one in ticket["replies"]) == ["0", "1"]
        assert ticket["reply_count"] == 2
    # Control: both a reply and a closing came last in some rounds.
    assert {ticket["status"] for ticket in ended} == {"open", "closed"}


def leave(desk: Desk, limit: str, quota: int) -> None:
    """Leave LEFT of an hour's quota to the user `other`, and all of other quotas."""
    key = LimitKey.of(FixedWindow(limit, quota, 3_600), desk.ids["other"])
    counter = {"count": quota - LEFT, "expires_at": utc_now(1_800), "blocked_until": utc_now(-1)}
    with desk.engine.connect() as connection:
        connection.execute(rate_limits.delete())
        connection.execute(rate_limits.insert().values(key_hash=key.hash, **counter))


async def post_at_once(desk: Desk, paths: list[str], body: object) -> Counter[tuple[int, str]]:
    """Send one more request than allowed many times over; return the statuses and codes."""
    count = LEFT + SURPLUS

    async def post(number: int) -> Reply:
        return await desk.send(number % 2, "POST", paths[number // 2 % len(paths)], "other", body)

    answers = await together(count, post, at_once=count)
    return Counter((answer.status, answer.json().get("code", "")) for answer in answers)


async def test_parallel_tickets_stop_exactly_at_the_quota(desk: Desk) -> None:
    leave(desk, "ticket-quota", TICKETS_PER_HOUR)
    told = await post_at_once(desk, [""], TICKET)
    assert told == {(201, ""): LEFT, (429, "quota_exceeded"): SURPLUS}


async def test_parallel_replies_to_two_tickets_stop_exactly_at_the_quota(desk: Desk) -> None:
    leave(desk, "reply-quota", REPLIES_PER_HOUR)
    made = [(await desk.call(0, "POST", "", "other", TICKET)).json()["id"] for _ in range(2)]
    told = await post_at_once(desk, [f"/{one}/replies" for one in made], {"body": "A reply."})
    assert told == {(201, ""): LEFT, (429, "quota_exceeded"): SURPLUS}


async def test_parallel_tickets_stop_exactly_at_the_limit_of_a_user(desk: Desk) -> None:
    mine = tickets.c.author_id == desk.ids["other"]
    with desk.engine.connect() as connection:
        connection.execute(rate_limits.delete())
        stored = connection.execute(sa.select(sa.func.count()).where(mine)).scalar_one()
        values = {"author_id": desk.ids["other"], **TICKET, "search_text": "", "status": "open"}
        times = {"created_at": utc_now(), "updated_at": utc_now()}
        for _ in range(TICKETS_PER_USER - LEFT - stored):
            rest = {"id": uuid.uuid4(), "priority": 1, "reply_count": 0, "version": 1}
            connection.execute(tickets.insert().values(values | times | rest))
    told = await post_at_once(desk, [""], TICKET)
    assert told == {(201, ""): LEFT, (409, "ticket_limit_reached"): SURPLUS}


async def test_no_change_survives_the_deletion_of_its_ticket(desk: Desk) -> None:
    chance = random.Random(5)

    async def change_and_delete(number: int) -> list[int]:
        """Change a new ticket while it is deleted; return the statuses of the changes."""
        path = f"/{(await desk.call(0, 'POST', '', 'admin', TICKET)).json()['id']}"
        await desk.call(1, "POST", f"{path}/replies", "deputy", {"body": "Before."})

        async def delete() -> Reply:
            await asyncio.sleep(chance.uniform(0, 0.03))
            return await desk.send(number % 2, "DELETE", path, "deputy")

        *changes, deletion = await asyncio.gather(
            *(desk.send(one, "POST", f"{path}/replies", "admin", {"body": "During."}) for one in range(2)),
            desk.send(0, "PUT", path, "deputy", {"body": "During, too."}),
            desk.send(1, "DELETE", f"{path}/subscription", "admin"),
            desk.send(0, "PATCH", f"{path}/close", "deputy"),
            desk.send(1, "PATCH", path, "deputy", {"priority": "high"}),
            delete(),
        )
        assert deletion.status == 204
        assert (await desk.send(1, "GET", path, "admin")).status == 404
        return [change.status for change in changes]

    told = Counter(
        status for one in await together(DELETIONS, change_and_delete, at_once=AT_ONCE) for status in one
    )
    assert set(told) <= {200, 201, 204, 404, 409}, told
    # Control: changes came before and after deletions.
    assert min(told[201], told[404]) > 5, told
    with desk.engine.connect() as connection:
        for table in (notification_mutes, pending_notifications, replies, ticket_search_terms):
            assert connection.execute(orphans(table)).all() == [], table.name
        while connection.execute(sa.select(deleted_tickets.c.ticket_id)).first() is not None:
            connection.exec_driver_sql("BEGIN")
            purge_remains(connection, count=100)
            connection.commit()
        for table in (replies, ticket_search_terms):
            assert connection.execute(orphans(table)).all() == [], table.name


def orphans(table: sa.Table) -> "sa.Select[uuid.UUID]":
    """Return the query for rows about a ticket that neither exists nor waits for the cleanup."""
    known = sa.union_all(sa.select(tickets.c.id), sa.select(deleted_tickets.c.ticket_id)).subquery()
    return sa.select(table.c.ticket_id).where(table.c.ticket_id.not_in(sa.select(known.c.id)))
