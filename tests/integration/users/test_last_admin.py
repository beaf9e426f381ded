"""The last active administrator cannot be removed, even by parallel requests."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier

import pytest

from integration.harness.installation import Installation
from integration.harness.people import People, Person, enrol, populate
from integration.harness.problems import assert_problem

REMOVALS = {
    "delete": ("DELETE", None),
    "demote": ("PATCH", {"role": "user"}),
    "disable": ("PATCH", {"status": "disabled"}),
    "replace": ("PUT", {"email": "left@example.com", "name": "Left", "role": "user", "status": "active"}),
}


def remove(installation: Installation, actor: Person, target: Person, how: str) -> tuple[int, str]:
    method, body = REMOVALS[how]
    options = {} if body is None else {"json": body}
    response = installation.call(method, target.path, actor.access, **options)
    return response.status_code, response.json()["code"] if response.status_code >= 400 else ""


def active_admins(installation: Installation) -> int:
    return int(
        installation.execute("SELECT COUNT(*) FROM users WHERE role = 'admin' AND status = 'active'")[0][0]
    )


@pytest.mark.parametrize("how", REMOVALS)
def test_last_admin_cannot_be_removed(installation: Installation, people: People, how: str) -> None:
    assert remove(installation, people.admin, people.deputy, how)[0] in {200, 204}
    method, body = REMOVALS[how]
    before = installation.call("GET", people.admin.path, people.admin.access).json()
    options = (
        {} if body is None else {"json": {**body, "email": before["email"]} if "email" in body else body}
    )
    response = installation.call(method, people.admin.path, people.admin.access, **options)
    assert_problem(response, 409, "last_admin")
    assert installation.call("GET", people.admin.path, people.admin.access).json() == before
    assert active_admins(installation) == 1


def test_disabled_admin_does_not_replace_the_last_one(installation: Installation, people: People) -> None:
    remove(installation, people.admin, people.deputy, "disable")
    assert remove(installation, people.admin, people.admin, "delete") == (409, "last_admin")
    # A disabled administrator may be removed, because an active one remains.
    assert remove(installation, people.admin, people.deputy, "delete")[0] == 204


def test_last_admin_may_be_renamed(installation: Installation, people: People) -> None:
    remove(installation, people.admin, people.deputy, "delete")
    body = {"email": people.admin.email, "name": "Boss", "role": "admin", "status": "active"}
    response = installation.call("PUT", people.admin.path, people.admin.access, json=body)
    assert response.status_code == 200
    assert active_admins(installation) == 1


@pytest.mark.parametrize("how", REMOVALS)
def test_ordinary_users_can_be_removed(installation: Installation, people: People, how: str) -> None:
    assert remove(installation, people.admin, people.user, how)[0] in {200, 204}


def at_once(jobs: list[Callable[[], tuple[int, str]]]) -> list[tuple[int, str]]:
    """Run jobs in parallel; return their results in order."""
    barrier = Barrier(len(jobs))

    def run(job: Callable[[], tuple[int, str]]) -> tuple[int, str]:
        barrier.wait()
        return job()

    with ThreadPoolExecutor(len(jobs)) as threads:
        return list(threads.map(run, jobs))


def test_two_admins_removing_each_other_leave_exactly_one(installation: Installation, people: People) -> None:
    """Each through its own replica, fifty times, in every combination of requests."""
    ways = list(REMOVALS)
    with ExitStack() as stack:
        replicas = [stack.enter_context(Installation(installation.database_url)) for _ in range(2)]
        for turn in range(50):
            current = populate(installation) if turn else people
            for replica in replicas:
                replica.forget_revocations()
            first, second = current.admin, current.deputy
            first_way, second_way = ways[turn % 4], ways[turn // 4 % 4]

            def remove_second(
                how: str = first_way, actor: Person = first, target: Person = second
            ) -> tuple[int, str]:
                return remove(replicas[0], actor, target, how)

            def remove_first(
                how: str = second_way, actor: Person = second, target: Person = first
            ) -> tuple[int, str]:
                return remove(replicas[1], actor, target, how)

            outcomes = at_once([remove_second, remove_first])
            assert active_admins(installation) == 1, outcomes
            assert sorted(status in {200, 204} for status, _ in outcomes) == [False, True], outcomes
            assert {status for status, _ in outcomes} <= {200, 204, 401, 403, 404, 409}, outcomes


def test_five_admins_removed_in_parallel_leave_one(installation: Installation, people: People) -> None:
    for turn in range(6):
        current = populate(installation) if turn else people
        admins = [current.admin, current.deputy]
        admins += [enrol(installation, current.admin, role="admin") for _ in range(3)]

        def leave(person: Person) -> Callable[[], tuple[int, str]]:
            return lambda: remove(installation, person, person, "delete")

        outcomes = at_once([leave(person) for person in admins])
        assert active_admins(installation) == 1, outcomes
        assert sorted(status for status, _ in outcomes) == [204, 204, 204, 204, 409], outcomes
