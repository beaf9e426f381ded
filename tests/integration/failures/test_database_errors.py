"""The database is reachable but fails: read-only, no free connection, killed connections, locks."""

import contextlib
import random
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pymysql
import pytest
import sqlalchemy as sa

from integration.failures.test_database_away import assert_back_to_normal, assert_unavailable, requests
from integration.harness.deployment import (
    FragileDeployment,
    row_locked,
    wait_until,
    wait_until_a_row_is_waited_for,
)
from integration.harness.installation import USERS
from integration.harness.people import People
from integration.harness.problems import assert_problem

# Not "refresh", because a retry within the grace period writes nothing.
WRITES = {"log in", "rename", "change"}


def name_of_other(deployment: FragileDeployment, people: People) -> str:
    found = deployment.database.execute(
        "SELECT name FROM users WHERE id = %s", uuid.UUID(people.other.id).bytes
    )
    return str(found[0][0])


def retried(deployment: FragileDeployment, code: int) -> float:
    """Read the number of units of work that users retried after this error."""
    text = deployment.client.get(deployment.users.url + "/metrics").text
    wanted = f'doorward_database_errors_total{{code="{code}",outcome="retried"}} '
    return sum(float(line.removeprefix(wanted)) for line in text.splitlines() if line.startswith(wanted))


def test_read_only_database_serves_reads(deployment: FragileDeployment, people: People) -> None:
    for request in requests(deployment, people).values():
        assert request().status == 200
    with deployment.server.read_only():
        for _ in range(3):
            for what, request in requests(deployment, people).items():
                answer = request()
                if what in WRITES:
                    assert_unavailable(answer, what)
                else:
                    assert answer.status == 200, what
        assert deployment.probe("/livez") == [200, 200]
    assert_back_to_normal(deployment, people)


def test_killed_connections_are_replaced_without_errors(
    deployment: FragileDeployment, people: People
) -> None:
    """Connections are killed while idle in the pool: the next request uses a new one and succeeds."""
    for _ in range(5):
        kill_connections(deployment)
        for what, request in requests(deployment, people).items():
            assert request().status == 200, what


def test_connections_killed_during_transactions_lose_nothing(
    deployment: FragileDeployment, people: People
) -> None:
    stop = threading.Event()
    undisturbed = deployment.call("PATCH", people.other.path, people.admin.access, json={"name": "Before"})
    chance = random.Random(3)

    def kill() -> None:
        # At the pace of a change, because some must succeed on a slow machine, too.
        while not stop.is_set():
            kill_connections(deployment)
            time.sleep(chance.uniform(0, 4 * undisturbed.seconds))

    confirmed = 0
    with ThreadPoolExecutor(1) as threads:
        killer = threads.submit(kill)
        for number in range(1_000):
            if number >= 60 and confirmed > 20:
                break
            body = {"name": f"Number {number}"}
            answer = deployment.call("PATCH", people.other.path, people.admin.access, json=body)
            if answer.status == 200:
                confirmed += 1
                assert name_of_other(deployment, people) == body["name"]
            else:
                assert_unavailable(answer, f"change {number}")
        stop.set()
        killer.result()
    assert confirmed > 20
    assert_back_to_normal(deployment, people)


def kill_connections(deployment: FragileDeployment) -> None:
    """Kill every connection of the services' account."""
    for number in connections_of_services(deployment):
        with contextlib.suppress(pymysql.err.OperationalError):
            deployment.database.execute(f"KILL {number}")


def connections_of_services(deployment: FragileDeployment) -> list[int]:
    owner = deployment.database._accounts[0]
    found = deployment.database.execute(
        "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = %s", owner
    )
    return [int(number) for (number,) in found]


def test_without_free_connections_requests_are_503(deployment: FragileDeployment, people: People) -> None:
    deployment.server.execute("SET GLOBAL max_connections = 12")
    try:
        with contextlib.ExitStack() as stack:
            take_every_connection(deployment, stack)
            for what, request in requests(deployment, people).items():
                assert_unavailable(request(), what)
            assert deployment.probe("/livez") == [200, 200]
            wait_until(lambda: deployment.probe("/readyz") == [503, 503], "unready")
        assert_back_to_normal(deployment, people)
    finally:
        deployment.server.execute("SET GLOBAL max_connections = 250")


def occupy(deployment: FragileDeployment, stack: contextlib.ExitStack) -> None:
    """Take every connection that an ordinary account can have."""
    url = deployment.database.account("greedy", {"*": "SELECT"})
    rejection = 0
    for _ in range(50):
        try:
            stack.enter_context(contextlib.closing(connect(url)))
        except pymysql.err.OperationalError as error:
            rejection = error.args[0]
            break
    assert rejection == 1040, "the connections do not come to an end"


def connect(url: str) -> "pymysql.Connection[Any]":
    parsed = sa.make_url(url)
    return pymysql.connect(
        host=parsed.host,
        port=parsed.port or 3306,
        user=parsed.username,
        password=parsed.password or "",
        database=parsed.database,
    )


def take_every_connection(deployment: FragileDeployment, stack: contextlib.ExitStack) -> None:
    """Take them while the services are frozen, because they would reconnect otherwise."""
    for service in deployment.services:
        service.freeze()
    try:
        kill_connections(deployment)
        wait_until(lambda: not connections_of_services(deployment), "without connections")
        occupy(deployment, stack)
    finally:
        for service in deployment.services:
            service.thaw()


def test_a_short_lock_is_awaited(deployment: FragileDeployment, people: People) -> None:
    """Longer than one lock wait timeout, so the unit of work is retried."""
    before = retried(deployment, 1205)
    locked = "SELECT id FROM users WHERE id = %s FOR UPDATE"
    with (
        row_locked(deployment.database, locked, uuid.UUID(people.other.id).bytes) as let_go,
        ThreadPoolExecutor(1) as threads,
    ):
        body = {"name": "At last"}
        change = threads.submit(deployment.call, "PATCH", people.other.path, people.admin.access, json=body)
        wait_until_a_row_is_waited_for(deployment.database)
        time.sleep(1.4)
        let_go()
        answer = change.result()
    assert answer.status == 200
    assert answer.seconds > 1.4
    assert name_of_other(deployment, people) == "At last"
    assert retried(deployment, 1205) > before


def test_a_lock_that_is_never_released_is_503(deployment: FragileDeployment, people: People) -> None:
    locked = "SELECT id FROM users WHERE id = %s FOR UPDATE"
    with row_locked(deployment.database, locked, uuid.UUID(people.other.id).bytes):
        answer = deployment.call("PATCH", people.other.path, people.admin.access, json={"name": "Never"})
        assert_unavailable(answer, "change")
        assert deployment.call("GET", people.other.path, people.user.access).status == 200
    assert_back_to_normal(deployment, people)


def test_a_deadlocked_transaction_is_retried(deployment: FragileDeployment, people: People) -> None:
    """The other transaction has changed more rows, so the database aborts the one of the service."""
    before = retried(deployment, 1213)
    identity = uuid.UUID(people.other.id).bytes
    heavy = "UPDATE sessions SET user_agent = CONCAT(user_agent, '.')"
    connection = deployment.server.connect(deployment.database.name)
    with contextlib.closing(connection), connection.cursor() as cursor, ThreadPoolExecutor(1) as threads:
        cursor.execute("BEGIN")
        cursor.execute(heavy)
        cursor.execute("UPDATE credentials SET updated_at = updated_at + INTERVAL 1 SECOND")
        body = {"password": "changed in a deadlock"}
        change = threads.submit(deployment.call, "PATCH", people.other.path, people.admin.access, json=body)
        wait_until_a_row_is_waited_for(
            deployment.database
        )  # the row of the credentials; it has already locked the row of the user
        cursor.execute("SELECT id FROM users WHERE id = %s FOR UPDATE", (identity,))
        connection.rollback()
        answer = change.result()
    assert answer.status == 200
    assert retried(deployment, 1213) > before
    login = {"email": people.other.email, "password": body["password"]}
    assert deployment.call("POST", "/api/v1/auth/token", json=login).status == 200


@pytest.mark.parametrize("table", ["users", "credentials"])
def test_a_missing_table_is_503_until_it_exists(
    deployment: FragileDeployment, people: People, table: str
) -> None:
    """A service newer than the schema, or a dropped table, is not an error of the caller."""
    deployment.database.execute(f"RENAME TABLE {table} TO away")
    try:
        body = {"name": "x", "email": "x@example.com", "password": "long enough a word"}
        answer = deployment.call("POST", USERS, people.admin.access, json=body)
        assert_unavailable(answer, "create")
    finally:
        deployment.database.execute(f"RENAME TABLE away TO {table}")
    assert_back_to_normal(deployment, people)


def test_a_value_that_does_not_fit_is_an_error_without_the_value(
    deployment: FragileDeployment, people: People
) -> None:
    """A bug of the service; the traceback in the log must not contain the hash."""
    column = "ALTER TABLE credentials MODIFY password_hash {} CHARACTER SET ascii COLLATE ascii_bin NOT NULL"
    deployment.database.execute("CREATE TABLE kept AS SELECT * FROM credentials")
    deployment.database.execute("DELETE FROM credentials")
    deployment.database.execute(column.format("VARCHAR(10)"))
    try:
        body = {"name": "Somebody", "email": "private@example.com", "password": "never to be seen in a log"}
        answer = deployment.call("POST", USERS, people.admin.access, json=body)
        assert_problem(answer.response, 500, "internal_error")
    finally:
        deployment.database.execute(column.format("VARCHAR(255)"))
        deployment.database.execute("INSERT INTO credentials SELECT * FROM kept")
        deployment.database.execute("DROP TABLE kept")
    log = deployment.users.log_text()
    assert "http.unhandled_exception" in log
    for secret in ("$argon2", body["password"], body["email"]):
        assert secret not in log
    assert deployment.database.execute("SELECT id FROM users WHERE email_key = %s", body["email"]) == ()
