"""Processes on different nodes, which the documentation advises against, break no rule."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Final, TypeVar

import pytest

from doorward_identity.schema import REQUIRED_REVISION
from galera.cluster import ROUNDS, Cluster
from galera.spread import Spread
from integration.harness.bulk_users import Member
from integration.harness.deployment import wait_until
from integration.harness.installation import AUTH, TICKETS, USERS
from integration.harness.people import PASSWORD
from integration.harness.revocation_reads import wait_until_rejected
from support.databases import Database
from support.probes import http_status, http_text
from support.services import Service, migrate

T = TypeVar("T")

NEW: Final = "another phrase, long enough"


def at_once(jobs: Sequence[Callable[[], T]]) -> list[T]:
    """Run jobs in parallel; return their results in order."""
    barrier = Barrier(len(jobs))

    def run(job: Callable[[], T]) -> T:
        barrier.wait()
        return job()

    with ThreadPoolExecutor(len(jobs)) as threads:
        return list(threads.map(run, jobs))


def old_login(spread: Spread, member: Member) -> str | None:
    """Log in on another node than that of the change; return the refresh token."""
    response = spread.try_login(2, member)
    return response.json()["refresh_token"] if response.status_code == 200 else None


def logged_in_during(change: Callable[[], int], log_in: Callable[[], str | None]) -> list[str]:
    """Change an account while logins run; return the refresh tokens of those that succeeded."""

    def run() -> None:
        assert change() in {200, 204}

    return [token for token in at_once([run, *[log_in] * 6]) if token is not None]


def administrators(database: Database) -> int:
    [(count,)] = database.execute("SELECT COUNT(*) FROM users WHERE role = 'admin' AND status = 'active'")
    return int(count)


@pytest.mark.parametrize("attempt", range(20 * ROUNDS))
def test_two_administrators_who_demote_each_other_leave_one(spread: Spread, attempt: int) -> None:
    """Row locks are of one node, and each writes another's row."""
    spread.database.execute("UPDATE users SET status = 'disabled' WHERE role = 'admin'")
    first, second = spread.member("admin"), spread.member("admin")
    tokens = [spread.log_in(1, one)["access_token"] for one in (first, second)]

    def demote(node: int, token: str, target: Member) -> int:
        method, body = ("DELETE", {}) if attempt % 2 else ("PATCH", {"json": {"role": "user"}})
        return spread.call(spread.users[node], method, target.path, token, **body).status_code

    statuses = at_once(
        [lambda: demote(2, tokens[0], second), lambda: demote(3, tokens[1], first)],
    )
    assert administrators(spread.database) == 1, statuses


@pytest.mark.parametrize("who", ["owner", "owner, keeping a session", "administrator"])
def test_a_session_of_the_old_password_cannot_be_refreshed(spread: Spread, who: str) -> None:
    admin = spread.log_in(1, spread.member("admin"))["access_token"]
    for _ in range(8 * ROUNDS):
        member = spread.member()
        own = spread.log_in(1, member)

        def change(member: Member = member, own: dict[str, str] = own) -> int:
            if who == "administrator":
                body = {"password": NEW}
                return spread.call(spread.users[3], "PATCH", member.path, admin, json=body).status_code
            passwords = {"current_password": PASSWORD, "new_password": NEW}
            path = f"{AUTH}/password"
            if who == "owner":
                body = {**passwords, "email": member.email}
                return spread.call(spread.auth[1], "POST", path, json=body).status_code
            return spread.call(spread.auth[1], "POST", path, own["access_token"], json=passwords).status_code

        for token in logged_in_during(change, partial(old_login, spread, member)):
            assert spread.refresh(2, token).status_code == 401
        if who == "owner, keeping a session":
            assert spread.refresh(2, own["refresh_token"]).status_code == 200


def test_a_session_opened_while_its_account_is_disabled_stays_dead(spread: Spread) -> None:
    admin = spread.log_in(1, spread.member("admin"))["access_token"]
    for _ in range(8 * ROUNDS):
        member = spread.member()

        def switch(status: str, member: Member = member) -> int:
            body = {"status": status}
            return spread.call(spread.users[3], "PATCH", member.path, admin, json=body).status_code

        opened = logged_in_during(partial(switch, "disabled"), partial(old_login, spread, member))
        assert switch("active") == 200
        for token in opened:
            assert spread.refresh(2, token).status_code == 401


def test_a_successor_is_known_on_the_other_node_at_once(spread: Spread) -> None:
    """Otherwise a refresh is taken for theft, and the session ends."""
    before = spread.audited("auth:refresh_token:reused")
    token = spread.log_in(1, spread.member())["refresh_token"]
    for hop in range(150 * ROUNDS):
        response = spread.refresh(1 + hop % 2, token)
        assert response.status_code == 200, f"hop {hop}: {response.text}"
        token = response.json()["refresh_token"]
    assert spread.audited("auth:refresh_token:reused") == before


def test_refreshes_at_the_same_moment_get_one_successor(spread: Spread) -> None:
    for _ in range(5 * ROUNDS):
        token = spread.log_in(1, spread.member())["refresh_token"]
        answers = at_once([partial(spread.refresh, 1 + number % 2, token) for number in range(16)])
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.json()["refresh_token"] for answer in answers}) == 1


def test_a_logout_wins_over_refreshes(spread: Spread) -> None:
    for _ in range(10 * ROUNDS):
        opened = spread.log_in(1, spread.member())

        def log_out(access: str = opened["access_token"]) -> str | None:
            assert spread.call(spread.auth[1], "POST", f"{AUTH}/logout", access).status_code == 204
            return None

        def refresh(token: str = opened["refresh_token"]) -> str | None:
            response = spread.refresh(2, token)
            return response.json()["refresh_token"] if response.status_code == 200 else None

        for token in at_once([log_out, *[refresh] * 4]):
            if token is not None:
                assert spread.refresh(1, token).status_code == 401


def test_a_write_is_read_on_another_node_at_once(spread: Spread) -> None:
    admin = spread.log_in(1, spread.member("admin"))["access_token"]
    for number in range(40 * ROUNDS):
        body = {"email": f"written{number}.{time.time_ns()}@example.com", "name": "W", "password": PASSWORD}
        made = spread.call(spread.users[2], "POST", USERS, admin, json=body)
        assert made.status_code == 201, made.text
        path = f"{USERS}/{made.json()['id']}"
        assert spread.call(spread.users[3], "GET", path, admin).status_code == 200
        name = {"name": f"Number {number}"}
        assert spread.call(spread.users[3], "PATCH", path, admin, json=name).status_code == 200
        assert spread.call(spread.users[2], "GET", path, admin).json()["name"] == name["name"]


def test_a_revocation_reaches_the_processes_on_other_nodes_with_their_next_poll(spread: Spread) -> None:
    processes = (
        *((service, f"{AUTH}/me") for service in spread.auth.values()),
        *((service, f"{USERS}/me") for service in spread.users.values()),
        *((service, TICKETS) for service in spread.tickets.values()),
    )

    def accepts(service: Service, path: str, access: str) -> bool:
        return spread.call(service, "GET", path, access).status_code != 401

    for number in range(4 * ROUNDS):
        access = spread.log_in(1, spread.member())["access_token"]
        assert all(accepts(service, path, access) for service, path in processes)
        where = spread.auth[1 + number % 2]
        assert spread.call(where, "POST", f"{AUTH}/logout", access).status_code == 204
        revoked_at = time.monotonic()
        for service, path in processes:
            wait_until_rejected(
                partial(accepts, service, path, access),
                partial(http_text, service.port, "/metrics"),
                service.log.stem,
                since=revoked_at,
            )


def test_a_node_that_is_behind_accepts_no_token_and_gets_no_traffic(cluster: Cluster, spread: Spread) -> None:
    """Such a node answers polls of the revocation list with old data."""
    opened = spread.log_in(1, spread.member())
    path, access = f"{USERS}/me", opened["access_token"]
    assert spread.call(spread.users[3], "GET", path, access).status_code == 200
    with cluster[3].behind():
        assert spread.call(spread.auth[1], "POST", f"{AUTH}/logout", access).status_code == 204
        for _ in range(3):
            assert spread.call(spread.users[3], "GET", path, access).status_code in {401, 503}
        wait_until(lambda: http_status(spread.users[3].port, "/readyz") == 503, "not ready")
        assert http_status(spread.users[2].port, "/readyz") == 200
    wait_until(lambda: http_status(spread.users[3].port, "/readyz") == 200, "ready")
    wait_until(lambda: spread.call(spread.users[3], "GET", path, access).status_code == 401, "rejected")


def test_connections_to_several_nodes_are_said(spread: Spread) -> None:
    """One process at least of each service on that database finds heartbeats of another node than its own."""
    for services in (spread.auth, spread.users):
        wait_until(partial(any_says_several_nodes, [*services.values()]), "said")
    for services in (spread.auth, spread.users, spread.tickets):
        for number, service in services.items():
            [logged] = [
                event for event in service.log_events() if event.get("event") == "database.galera_node"
            ]
            assert logged["node"] == f"n{number}"


def any_says_several_nodes(services: Sequence[Service]) -> bool:
    return any(
        "connections reach several database nodes" in http_text(service.port, "/readyz")
        and "database.several_nodes" in service.log_text()
        for service in services
    )


@pytest.mark.parametrize("attempt", range(ROUNDS))
def test_migrations_on_three_nodes_at_once_succeed(cluster: Cluster, attempt: int) -> None:
    """GET_LOCK is of one node."""
    with cluster[1].create_database(f"migrate{attempt}") as database:
        owner = database.url

        def on(node: int) -> None:
            migrate(owner.replace(f":{cluster[1].port}/", f":{cluster[node].port}/"))

        at_once([partial(on, node) for node in (1, 2, 3)])
        [(revision,)] = database.execute("SELECT version_num FROM alembic_version_identity")
        assert revision == REQUIRED_REVISION
