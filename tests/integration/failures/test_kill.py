"""kill -9 at any time: no acknowledged write is lost, and no account exists without a password."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx2

from integration.harness.deployment import FragileDeployment, wait_until
from integration.harness.installation import AUTH, USERS
from integration.harness.people import PASSWORD, People, new_user

WRITERS = 4


@dataclass
class Journal:
    """The writes that the services confirmed."""

    created: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    failures: int = 0


def write_until(
    stop: threading.Event, deployment: FragileDeployment, people: People, number: int, journal: Journal
) -> None:
    """Create, rename and delete users, and record the confirmed writes."""
    chance = random.Random(number)
    mine: list[tuple[str, str]] = []
    while not stop.is_set():
        try:
            step(deployment, people, journal, chance, mine)
        except httpx2.TransportError:
            journal.failures += 1
            time.sleep(0.02)


def step(
    deployment: FragileDeployment,
    people: People,
    journal: Journal,
    chance: random.Random,
    mine: list[tuple[str, str]],
) -> None:
    admin = people.admin.access
    if not mine or chance.random() < 0.5:
        body = new_user()
        answer = deployment.call("POST", USERS, admin, json=body)
        if answer.status == 201:
            journal.created.append(body["email"])
            mine.append((body["email"], answer.response.json()["id"]))
    elif chance.random() < 0.5:
        email, identity = mine[-1]
        name = f"Name {chance.random()}"
        # From now on the previous name is uncertain.
        journal.names.pop(email, None)
        answer = deployment.call("PATCH", f"{USERS}/{identity}", admin, json={"name": name})
        if answer.status == 200:
            journal.names[email] = name
    else:
        email, identity = mine.pop()
        journal.created.remove(email)
        journal.names.pop(email, None)
        answer = deployment.call("DELETE", f"{USERS}/{identity}", admin)
        if answer.status == 204:
            journal.deleted.append(email)
    journal.failures += answer.status >= 500
    assert answer.status in {200, 201, 204, 503}, answer.response.text


def rounds_of(kill: Callable[[], None], deployment: FragileDeployment, people: People, count: int) -> None:
    """Write during a failure, recover, and compare the confirmed writes with the stored rows."""
    for number in range(count):
        stop, journals = threading.Event(), [Journal() for _ in range(WRITERS)]
        with ThreadPoolExecutor(WRITERS) as threads:
            writers = [
                threads.submit(write_until, stop, deployment, people, number * WRITERS + one, journal)
                for one, journal in enumerate(journals)
            ]
            try:
                wait_until(lambda: confirmed(journals) > 5, "confirmed")  # noqa: B023 - called in this round
                time.sleep(random.uniform(0, 0.3))
                kill()
                time.sleep(0.05)
            finally:
                stop.set()
            for writer in writers:
                writer.result()
        deployment.restore()
        stored = dict(deployment.database.execute("SELECT email_key, name FROM users"))
        for journal in journals:
            assert set(journal.created) <= stored.keys(), "an acknowledged creation was lost"
            assert not set(journal.deleted) & stored.keys(), "an acknowledged deletion was lost"
            for email, name in journal.names.items():
                assert stored[email] == name, "an acknowledged change was lost"
        assert_no_incomplete_accounts(deployment)
        for email in [email for journal in journals for email in journal.created[-1:]]:
            login = {"email": email, "password": PASSWORD}
            assert deployment.call("POST", f"{AUTH}/token", json=login).status == 200


def confirmed(journals: Sequence[Journal]) -> int:
    """Count the created users, including deleted ones."""
    return sum(len(journal.created) + len(journal.deleted) for journal in journals)


def assert_no_incomplete_accounts(deployment: FragileDeployment) -> None:
    half = "SELECT email FROM users LEFT JOIN credentials ON user_id = users.id WHERE user_id IS NULL"
    assert deployment.database.execute(half) == ()
    orphans = "SELECT user_id FROM {} WHERE user_id NOT IN (SELECT id FROM users)"
    for table in ("credentials", "sessions"):
        assert deployment.database.execute(orphans.format(table)) == ()


def test_a_service_killed_during_writes_loses_no_confirmed_write(
    deployment: FragileDeployment, people: People
) -> None:
    rounds_of(deployment.users.kill9, deployment, people, 4)


def test_a_database_killed_during_writes_loses_no_confirmed_write(
    deployment: FragileDeployment, people: People
) -> None:
    before = [service.pid for service in deployment.services]
    rounds_of(deployment.server.process.kill9, deployment, people, 4)
    assert [service.pid for service in deployment.services] == before, "a service ended with the database"


def test_killing_both_during_writes_loses_no_confirmed_write(
    deployment: FragileDeployment, people: People
) -> None:
    def kill() -> None:
        deployment.server.process.kill9()
        deployment.users.kill9()

    rounds_of(kill, deployment, people, 2)


def test_a_refresh_confirmed_before_a_crash_is_valid_after_it(
    deployment: FragileDeployment, people: People
) -> None:
    refresh = people.user.refresh
    for turn in range(3):
        body = {"refresh_token": refresh}
        answer = deployment.call("POST", f"{AUTH}/refresh-token", json=body)
        assert answer.status == 200
        (deployment.server.process.kill9 if turn % 2 else deployment.auth.kill9)()
        deployment.restore()
        refresh = answer.response.json()["refresh_token"]
    assert deployment.call("POST", f"{AUTH}/refresh-token", json={"refresh_token": refresh}).status == 200
