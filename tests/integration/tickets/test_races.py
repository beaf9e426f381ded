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
from doorward_kit.rate_limiting.limits import FixedWindow, LimitKey
from doorward_tickets.deletions.repository import purge_remains
from doorward_tickets.tables import (
    deleted_tickets,
    notification_mutes,
    pending_notifications,
    rate_limits,
    replies,
    ticket_search_terms,
    tickets,
    user_storage,
)
from integration.harness.races import together
from integration.harness.raw_http import Reply
from integration.harness.tickets import TICKET
from integration.tickets.ticket_races_setup import (
    BYTES_PER_USER,
    REPLIES_PER_HOUR,
    TICKETS_PER_HOUR,
    TICKETS_PER_USER,
    RaceSetup,
    new_race_setup,
)
from support.databases import DatabaseServer

ROUNDS: Final = 100
DELETIONS: Final = 40
AT_ONCE: Final = 4
LEFT: Final = 12
SURPLUS: Final = 18


@pytest.fixture(scope="module")
def shared_setup(
    mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RaceSetup]:
    with new_race_setup(mariadb_server, tmp_path_factory.mktemp("setup")) as setup:
        yield setup


@pytest.fixture
async def setup(shared_setup: RaceSetup) -> AsyncIterator[RaceSetup]:
    yield shared_setup
    await shared_setup.close_connections()


async def one_round(setup: RaceSetup, number: int) -> dict[str, Any]:
    """Let the three change a new ticket, the author through both processes; return the ticket."""
    ticket = (await setup.call(number % 2, "POST", "", "user", TICKET)).json()
    path = f"/{ticket['id']}"
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(setup.call(0, "PATCH", f"{path}/close", "admin"))
        tasks.create_task(setup.call(1, "PATCH", f"{path}/close", "deputy"))
        new = [
            tasks.create_task(setup.call(process, "POST", f"{path}/replies", "user", {"body": f"{process}"}))
            for process in range(2)
        ]
    assert {reply.result().json()["number"] for reply in new} == {1, 2}
    return (await setup.call((number + 1) % 2, "GET", path, "user")).json()


async def test_parallel_replies_and_closings_lose_no_reply(setup: RaceSetup) -> None:
    ended = await together(ROUNDS, lambda number: one_round(setup, number), at_once=AT_ONCE)
    for ticket in ended:
        assert sorted(reply["body"] for reply in ticket["replies"]) == ["0", "1"]
        assert ticket["reply_count"] == 2
    # Control: both a reply and a closing came last in some rounds.
    assert {ticket["status"] for ticket in ended} == {"open", "closed"}


def leave(setup: RaceSetup, limit: str, quota: int) -> None:
    """Leave LEFT of an hour's quota to the user `other`, and all of other quotas."""
    key = LimitKey.of(FixedWindow(limit, quota, 3_600), setup.ids["other"])
    counter = {"count": quota - LEFT, "expires_at": utc_now(1_800), "blocked_until": utc_now(-1)}
    with setup.engine.connect() as connection:
        connection.execute(rate_limits.delete())
        connection.execute(rate_limits.insert().values(key_hash=key.hash, **counter))


async def post_at_once(setup: RaceSetup, paths: list[str], body: object) -> Counter[tuple[int, str]]:
    """Send one more request than allowed many times over; return the statuses and codes."""
    count = LEFT + SURPLUS

    async def post(number: int) -> Reply:
        return await setup.send(number % 2, "POST", paths[number // 2 % len(paths)], "other", body)

    answers = await together(count, post, at_once=count)
    return Counter((answer.status, answer.json().get("code", "")) for answer in answers)


async def test_parallel_tickets_stop_exactly_at_the_quota(setup: RaceSetup) -> None:
    leave(setup, "ticket-quota", TICKETS_PER_HOUR)
    answers = await post_at_once(setup, [""], TICKET)
    assert answers == {(201, ""): LEFT, (429, "quota_exceeded"): SURPLUS}


async def test_parallel_replies_to_two_tickets_stop_exactly_at_the_quota(setup: RaceSetup) -> None:
    leave(setup, "reply-quota", REPLIES_PER_HOUR)
    made = [(await setup.call(0, "POST", "", "other", TICKET)).json()["id"] for _ in range(2)]
    answers = await post_at_once(setup, [f"/{ticket_id}/replies" for ticket_id in made], {"body": "A reply."})
    assert answers == {(201, ""): LEFT, (429, "quota_exceeded"): SURPLUS}


async def test_parallel_tickets_stop_exactly_at_the_limit_of_a_user(setup: RaceSetup) -> None:
    mine = tickets.c.author_id == setup.ids["other"]
    with setup.engine.connect() as connection:
        connection.execute(rate_limits.delete())
        stored = connection.execute(sa.select(sa.func.count()).where(mine)).scalar_one()
        values = {"author_id": setup.ids["other"], **TICKET, "search_text": "", "status": "open"}
        times = {"created_at": utc_now(), "updated_at": utc_now()}
        for _ in range(TICKETS_PER_USER - LEFT - stored):
            rest = {"id": uuid.uuid4(), "priority": 1, "reply_count": 0, "version": 1}
            connection.execute(tickets.insert().values(values | times | rest))
    answers = await post_at_once(setup, [""], TICKET)
    assert answers == {(201, ""): LEFT, (409, "ticket_limit_reached"): SURPLUS}


def begin_without_bytes(setup: RaceSetup) -> None:
    """Delete all tickets and counters."""
    with setup.engine.connect() as connection:
        for table in (rate_limits, tickets, replies, ticket_search_terms, user_storage):
            connection.execute(table.delete())


def stored_bytes(setup: RaceSetup) -> tuple[int, int]:
    """Return the counter of the user `other`, and the sum of what was counted for each row."""
    with setup.engine.connect() as connection:
        counter = sa.select(user_storage.c.bytes).where(user_storage.c.user_id == setup.ids["other"])
        sums = [
            sa.select(sa.func.sum(table.c.counted_bytes)).where(table.c.author_id == setup.ids["other"])
            for table in (tickets, replies)
        ]
        total = sum(int(connection.execute(one).scalar_one() or 0) for one in sums)
        return connection.execute(counter).scalar_one(), total


async def test_parallel_tickets_and_replies_stop_exactly_at_the_bytes_of_a_user(setup: RaceSetup) -> None:
    begin_without_bytes(setup)
    ticket_id = (await setup.call(0, "POST", "", "other", TICKET)).json()["id"]
    first, _ = stored_bytes(setup)
    with setup.engine.connect() as connection:
        connection.execute(user_storage.update().values(bytes=BYTES_PER_USER - LEFT * 1_000))

    async def post(number: int) -> Reply:
        if number % 4 < 2:
            body = {"body": "b" * 1_000}
            return await setup.send(number % 2, "POST", f"/{ticket_id}/replies", "other", body)
        ticket = {"subject": "s" * 10, "body": "b" * 990}
        return await setup.send(number % 2, "POST", "", "other", ticket)

    count = LEFT + SURPLUS
    answers = await together(count, post, at_once=count)
    outcomes = Counter((answer.status, answer.json().get("code", "")) for answer in answers)
    assert outcomes == {(201, ""): LEFT, (409, "storage_limit_reached"): SURPLUS}
    assert stored_bytes(setup) == (BYTES_PER_USER, first + LEFT * 1_000)


async def test_the_bytes_of_a_user_are_those_of_the_rows_after_parallel_deletions(setup: RaceSetup) -> None:
    begin_without_bytes(setup)

    async def write_and_delete(number: int) -> int:
        ticket_id = (await setup.call(number % 2, "POST", "", "other", TICKET)).json()["id"]
        replied, _, deletion = await asyncio.gather(
            setup.send(0, "POST", f"/{ticket_id}/replies", "other", {"body": "During."}),
            setup.send(1, "POST", "", "other", TICKET),
            setup.send(number % 2, "DELETE", f"/{ticket_id}", "deputy"),
        )
        assert deletion.status == 204
        return replied.status

    answers = Counter(await together(DELETIONS, write_and_delete, at_once=AT_ONCE))
    assert set(answers) == {201, 404}, answers
    await purge_all(setup)
    counter, total = stored_bytes(setup)
    assert counter == total == DELETIONS * sum(map(len, TICKET.values()))


async def purge_all(setup: RaceSetup) -> None:
    """Delete the rest of deleted tickets, concurrently with the cleanup of both processes."""
    with setup.engine.connect() as connection:
        while connection.execute(sa.select(deleted_tickets.c.ticket_id)).first() is not None:
            connection.exec_driver_sql("BEGIN")
            purge_remains(connection, count=100)
            connection.commit()


async def test_no_change_survives_the_deletion_of_its_ticket(setup: RaceSetup) -> None:
    chance = random.Random(5)

    async def change_and_delete(number: int) -> list[int]:
        """Change a new ticket while it is deleted; return the statuses of the changes."""
        path = f"/{(await setup.call(0, 'POST', '', 'admin', TICKET)).json()['id']}"
        await setup.call(1, "POST", f"{path}/replies", "deputy", {"body": "Before."})

        async def delete() -> Reply:
            await asyncio.sleep(chance.uniform(0, 0.03))
            return await setup.send(number % 2, "DELETE", path, "deputy")

        *changes, deletion = await asyncio.gather(
            *(setup.send(one, "POST", f"{path}/replies", "admin", {"body": "During."}) for one in range(2)),
            setup.send(0, "PUT", path, "deputy", {"body": "During, too."}),
            setup.send(1, "DELETE", f"{path}/subscription", "admin"),
            setup.send(0, "PATCH", f"{path}/close", "deputy"),
            setup.send(1, "PATCH", path, "deputy", {"priority": "high"}),
            delete(),
        )
        assert deletion.status == 204
        assert (await setup.send(1, "GET", path, "admin")).status == 404
        return [change.status for change in changes]

    answers = Counter(
        status for one in await together(DELETIONS, change_and_delete, at_once=AT_ONCE) for status in one
    )
    assert set(answers) <= {200, 201, 204, 404, 409}, answers
    # Control: changes came before and after deletions.
    assert min(answers[201], answers[404]) > 5, answers
    with setup.engine.connect() as connection:
        for table in (notification_mutes, pending_notifications, replies, ticket_search_terms):
            assert connection.execute(orphans(table)).all() == [], table.name
    await purge_all(setup)
    with setup.engine.connect() as connection:
        for table in (replies, ticket_search_terms):
            assert connection.execute(orphans(table)).all() == [], table.name


def orphans(table: sa.Table) -> "sa.Select[uuid.UUID]":
    """Return the query for rows about a ticket that neither exists nor waits for the cleanup."""
    known = sa.union_all(sa.select(tickets.c.id), sa.select(deleted_tickets.c.ticket_id)).subquery()
    return sa.select(table.c.ticket_id).where(table.c.ticket_id.not_in(sa.select(known.c.id)))
