"""Deletions reach tickets within ten seconds, or after an outage of either service."""

import asyncio
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from integration.harness.deployment import wait_until
from integration.harness.installation import AUTH, TICKETS, USERS, Installation
from integration.harness.people import enrol, sign_in
from integration.harness.single_service import running_single_service
from integration.harness.tickets import TICKET
from integration.harness.tickets_chain import CLIENT, Chain, new_chain
from support.databases import DatabaseServer
from support.probes import http_status


@pytest.fixture(scope="module")
def chain(mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with new_chain(mariadb_server, tmp_path_factory.mktemp("deletions"), more=1) as chain:
        yield chain


@pytest.fixture
def running(chain: Chain) -> Chain:
    for service in (*chain.services, chain.tickets):
        if not service.alive:
            service.start()
    return chain


def create_users_with_tickets(chain: Chain, count: int) -> list[tuple[str, str]]:
    """Create users with one ticket each; return the ids of both."""
    with Installation(chain.database_url) as installation:
        admin = sign_in(installation, "admin@example.com")
        people = [enrol(installation, admin) for _ in range(count)]
    made = []
    for person in people:
        status, ticket = chain.ticket("POST", TICKETS, person.access, json=dict(TICKET))
        assert (status, ticket["author"]["deleted"]) == (201, False)
        made.append((person.id, ticket["id"]))
    return made


def delete(chain: Chain, token: str, person_id: str) -> None:
    assert chain.call("DELETE", f"{USERS}/{person_id}", token).status == 204


def author(chain: Chain, token: str, ticket_id: str) -> dict[str, object]:
    status, ticket = chain.ticket("GET", f"{TICKETS}/{ticket_id}", token)
    assert (status, ticket["body"]) == (200, TICKET["body"]), "threads stay readable"
    shown: dict[str, object] = ticket["author"]
    return shown


def wait_until_gone(chain: Chain, token: str, made: list[tuple[str, str]]) -> float:
    def are_gone() -> bool:
        shown = [author(chain, token, ticket_id) for _, ticket_id in made]
        return all(one["deleted"] and one["name"] is None for one in shown)

    return wait_until(are_gone, "pseudonymous")


def names_left(chain: Chain, made: list[tuple[str, str]]) -> int:
    ids = [uuid.UUID(person_id).bytes for person_id, _ in made]
    wanted = ", ".join(["%s"] * len(ids))
    statement = f"SELECT COUNT(*) FROM user_snapshots WHERE name IS NOT NULL AND id IN ({wanted})"
    return int(chain.own.execute(statement, *ids)[0][0])


def test_a_deletion_removes_the_name_within_ten_seconds(running: Chain) -> None:
    made = create_users_with_tickets(running, 1)
    token = running.log_in("admin@example.com")
    delete(running, token, made[0][0])
    wait_until_gone(running, token, made)


def test_deletions_during_an_outage_of_tickets_are_applied(running: Chain) -> None:
    made = create_users_with_tickets(running, 2)
    token = running.log_in("admin@example.com")
    running.tickets.kill9()
    for person_id, _ in made:
        delete(running, token, person_id)
    assert names_left(running, made) == 2
    running.tickets.start()
    wait_until_gone(running, token, made)


def test_deletions_are_applied_after_an_outage_of_auth(running: Chain) -> None:
    made = create_users_with_tickets(running, 1)
    token = running.log_in("admin@example.com")
    running.auth.kill9()
    before = running.tickets.log_position()
    delete(running, token, made[0][0])
    running.tickets.wait_for_log("deleted_users.sync_failed", start=before)
    assert not author(running, token, made[0][1])["deleted"]
    running.auth.start()
    wait_until_gone(running, token, made)


def test_deletions_are_applied_after_a_lost_response(running: Chain) -> None:
    """Tickets is frozen while auth responds, and then killed."""
    made = create_users_with_tickets(running, 3)
    token = running.log_in("admin@example.com")
    for person_id, _ in made:
        running.tickets.freeze()
        delete(running, token, person_id)
        running.tickets.thaw()
        running.tickets.kill9()
        running.tickets.start()
    wait_until_gone(running, token, made)


def test_two_replicas_apply_many_parallel_deletions(running: Chain) -> None:
    made = create_users_with_tickets(running, 12)
    token = running.log_in("admin@example.com")
    running.more[0].start()
    try:
        with ThreadPoolExecutor(6) as threads:
            list(threads.map(partial(delete, running, token), [person_id for person_id, _ in made]))
        wait_until_gone(running, token, made)
    finally:
        running.more[0].stop()
    for service in (running.tickets, running.more[0]):
        assert not [event for event in service.log_events() if event.get("level") in {"error", "critical"}]


def test_parallel_deletions_get_consecutive_positions(running: Chain) -> None:
    """During parallel reads: a reader sees positions in order only."""
    made = create_users_with_tickets(running, 16)
    token = running.log_in("admin@example.com")
    seen: list[str] = []
    answer = running.client.get(f"{running.auth.url}{AUTH}/deleted-users", auth=CLIENT).json()
    cursor = answer["next_cursor"]

    with ThreadPoolExecutor(8) as threads:
        deleting = [threads.submit(delete, running, token, person_id) for person_id, _ in made]
        done = False
        while not done:
            done = all(future.done() for future in deleting)
            parameters = {} if cursor is None else {"after": cursor}
            response = running.client.get(
                f"{running.auth.url}{AUTH}/deleted-users", auth=CLIENT, params=parameters
            )
            assert response.status_code == 200, response.text
            seen += [item["id"] for item in response.json()["items"]]
            cursor = response.json()["next_cursor"]
        for one in deleting:
            one.result()
    assert sorted(seen) == sorted(person_id for person_id, _ in made)


async def write_on(url: str, token: str, ticket_id: str, is_over: asyncio.Event) -> int:
    """Write replies until the token is rejected; return their number."""
    count = 0
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(timeout=20) as client:
        while not is_over.is_set():
            path = f"{url}{TICKETS}/{ticket_id}/replies"
            response = await client.post(path, headers=headers, json={"body": "Still me."})
            if response.status_code == 401:
                break
            assert response.status_code in {201, 503}, response.text
            count += response.status_code == 201
    return count


def test_writes_racing_a_deletion_do_not_restore_the_name(running: Chain) -> None:
    with Installation(running.database_url) as installation:
        people = [enrol(installation, sign_in(installation, "admin@example.com")) for _ in range(6)]
    token = running.log_in("admin@example.com")
    made = []
    for person in people:
        _, ticket = running.ticket("POST", TICKETS, person.access, json=dict(TICKET))
        made.append((person.id, ticket["id"]))

    async def race() -> int:
        is_over = asyncio.Event()
        writing = [
            asyncio.create_task(write_on(running.tickets.url, person.access, ticket_id, is_over))
            for person, (_, ticket_id) in zip(people, made, strict=True)
        ]
        for person_id, _ in made:
            await asyncio.to_thread(delete, running, token, person_id)
        async with asyncio.timeout(60):
            return sum(await asyncio.gather(*writing))

    assert asyncio.run(race()) > 0
    wait_until_gone(running, token, made)
    assert names_left(running, made) == 0


def test_a_service_unknown_to_auth_logs_the_failure(running: Chain) -> None:
    misconfigured = running.more[0]
    known = misconfigured.env["DOORWARD_CLIENT_SECRET"]
    misconfigured.env["DOORWARD_CLIENT_SECRET"] = "another secret than the one of the tests: 0123456789"
    ready, misconfigured._ready = (
        misconfigured._ready,
        lambda: http_status(misconfigured.port, "/livez") == 200,
    )
    here, there = misconfigured.log_position(), running.auth.log_position()
    misconfigured.start()
    try:
        misconfigured.wait_for_log("deleted_users.sync_failed", start=here)
        running.auth.wait_for_log("client.rejected", start=there)
    finally:
        misconfigured.stop()
        misconfigured.env["DOORWARD_CLIENT_SECRET"], misconfigured._ready = known, ready


def test_the_standalone_process_applies_deletions(tmp_path: Path) -> None:
    with running_single_service(tmp_path) as service:

        def author() -> dict[str, Any]:
            shown: dict[str, Any] = service.client.get(service.ticket, headers=service.admin).json()["author"]
            return shown

        assert author()["name"] == "Ada"
        assert service.client.delete(service.person, headers=service.admin).status_code == 204
        wait_until(lambda: author()["deleted"] and author()["name"] is None, "pseudonymous")
