"""Groups: names that tokens carry, and who is in them."""

import uuid

import httpx2
import pytest
import sqlalchemy as sa

from doorward_identity.tables import group_members, user_groups, users
from integration.harness.installation import AUTH, USERS, Installation
from integration.harness.people import People, Person
from integration.harness.problems import assert_problem, pointers

GROUPS = f"{USERS}/groups"


def create(installation: Installation, people: People, name: str) -> str:
    response = installation.call("POST", GROUPS, people.admin.access, json={"name": name})
    assert response.status_code == 201, response.text
    group: str = response.json()["id"]
    assert response.headers["location"] == f"{GROUPS}/{group}"
    return group


def names(installation: Installation, people: People, path: str) -> list[str]:
    response = installation.call("GET", path, people.admin.access)
    assert response.status_code == 200, response.text
    return [item["name"] for item in response.json()["items"]]


def test_a_group_is_created_renamed_and_deleted(installation: Installation, people: People) -> None:
    ops = create(installation, people, "ops")
    create(installation, people, "Dev")
    assert names(installation, people, GROUPS) == ["Dev", "ops"]
    path = f"{GROUPS}/{ops}"
    renamed = installation.call("PATCH", path, people.admin.access, json={"name": "operations"})
    assert renamed.json()["name"] == "operations"
    taken = installation.call("PATCH", path, people.admin.access, json={"name": "Dev"})
    assert_problem(taken, 409, "group_name_taken")
    same = installation.call("PATCH", path, people.admin.access, json={"name": "operations"})
    assert same.status_code == 200
    again = installation.call("POST", GROUPS, people.admin.access, json={"name": "Dev"})
    assert_problem(again, 409, "group_name_taken")
    # Applications compare names by case.
    create(installation, people, "dev")
    assert installation.call("DELETE", path, people.admin.access).status_code == 204
    for method in ("PATCH", "DELETE"):
        response = installation.call(method, path, people.admin.access, json={"name": "x"})
        assert_problem(response, 404, "group_not_found")
    assert names(installation, people, GROUPS) == ["Dev", "dev"]


def test_members_are_added_and_removed_as_often_as_it_is_said(
    installation: Installation, people: People
) -> None:
    ops, dev = create(installation, people, "ops"), create(installation, people, "dev")
    for group in (ops, dev):
        for _ in range(2):
            assert change(installation, people, "PUT", group, people.user).status_code == 204
    assert change(installation, people, "PUT", ops, people.other).status_code == 204
    expected = sorted([people.user, people.other], key=lambda person: person.id)
    listed = installation.call("GET", f"{GROUPS}/{ops}/members", people.admin.access).json()
    assert [item["id"] for item in listed["items"]] == [person.id for person in expected]
    first = installation.call("GET", f"{GROUPS}/{ops}/members?limit=1", people.admin.access).json()
    query = f"limit=1&cursor={first['next_cursor']}"
    second = installation.call("GET", f"{GROUPS}/{ops}/members?{query}", people.admin.access).json()
    assert [*first["items"], *second["items"]] == listed["items"]
    assert second["next_cursor"] is None
    assert names(installation, people, f"{people.user.path}/groups") == ["dev", "ops"]
    for _ in range(2):
        assert change(installation, people, "DELETE", ops, people.user).status_code == 204
    assert names(installation, people, f"{people.user.path}/groups") == ["dev"]
    assert names(installation, people, f"{people.other.path}/groups") == ["ops"]


def change(
    installation: Installation, people: People, method: str, group: str, person: Person
) -> httpx2.Response:
    return installation.call(method, f"{GROUPS}/{group}/members/{person.id}", people.admin.access)


def test_a_membership_ends_with_the_group_and_with_the_account(
    installation: Installation, people: People
) -> None:
    ops, dev = create(installation, people, "ops"), create(installation, people, "dev")
    for group in (ops, dev):
        change(installation, people, "PUT", group, people.user)
        change(installation, people, "PUT", group, people.other)
    installation.call("DELETE", f"{GROUPS}/{ops}", people.admin.access)
    installation.call("DELETE", people.user.path, people.admin.access)
    left = sa.select(group_members.c.group_id, group_members.c.user_id)
    assert installation.execute(left) == [(uuid.UUID(dev), uuid.UUID(people.other.id))]


def test_an_unknown_user_or_group_is_not_found(installation: Installation, people: People) -> None:
    ops, unknown = create(installation, people, "ops"), uuid.uuid4()
    for method in ("PUT", "DELETE"):
        of_unknown = installation.call(method, f"{GROUPS}/{ops}/members/{unknown}", people.admin.access)
        assert_problem(of_unknown, 404, "user_not_found")
        of_none = installation.call(
            method, f"{GROUPS}/{unknown}/members/{people.user.id}", people.admin.access
        )
        assert_problem(of_none, 404, "group_not_found")
    assert_problem(installation.call("GET", f"{GROUPS}/{unknown}/members", people.admin.access), 404)
    assert names(installation, people, f"{USERS}/{unknown}/groups") == []


@pytest.mark.parametrize("name", ["", "two words", "a,b", "ä", "-ops", "x" * 65, "ops\n", None, 7])
def test_a_name_is_plain(installation: Installation, people: People, name: object) -> None:
    response = installation.call("POST", GROUPS, people.admin.access, json={"name": name})
    assert pointers(assert_problem(response, 422)) == {"/name"}


def test_there_are_limits(
    installation: Installation, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    ops, dev = create(installation, people, "ops"), create(installation, people, "dev")
    monkeypatch.setattr("doorward_users.groups.service.MAX_GROUPS", 2)
    full = installation.call("POST", GROUPS, people.admin.access, json={"name": "more"})
    assert_problem(full, 409, "group_limit")
    monkeypatch.setattr("doorward_users.groups.service.MAX_GROUPS_OF_USER", 1)
    assert change(installation, people, "PUT", ops, people.user).status_code == 204
    assert change(installation, people, "PUT", ops, people.user).status_code == 204
    assert_problem(change(installation, people, "PUT", dev, people.user), 409, "group_limit")
    assert names(installation, people, f"{people.user.path}/groups") == ["ops"]


def test_a_caller_who_was_demoted_a_moment_ago_changes_nothing(
    installation: Installation, people: People
) -> None:
    ops = create(installation, people, "ops")
    installation.execute(
        users.update()
        .where(users.c.id == uuid.UUID(people.admin.id))
        .values(token_version=users.c.token_version + 1)
    )
    for method, path in (
        ("POST", GROUPS),
        ("PATCH", f"{GROUPS}/{ops}"),
        ("DELETE", f"{GROUPS}/{ops}"),
        ("PUT", f"{GROUPS}/{ops}/members/{people.user.id}"),
        ("DELETE", f"{GROUPS}/{ops}/members/{people.user.id}"),
    ):
        response = installation.call(method, path, people.admin.access, json={"name": "dev"})
        assert_problem(response, 401)
    assert installation.execute(sa.select(user_groups.c.name)) == [("ops",)]
    assert installation.execute(sa.select(group_members.c.user_id)) == []


def test_each_change_is_in_the_audit_log(installation: Installation, people: People) -> None:
    ops = create(installation, people, "ops")
    change(installation, people, "PUT", ops, people.user)
    change(installation, people, "DELETE", ops, people.user)
    change(installation, people, "DELETE", ops, people.user)
    installation.call("PATCH", f"{GROUPS}/{ops}", people.admin.access, json={"name": "dev"})
    installation.call("DELETE", f"{GROUPS}/{ops}", people.admin.access)
    events = installation.call("GET", f"{AUTH}/audit?actor={people.admin.id}", people.admin.access).json()[
        "items"
    ]
    found = [
        (event["action"], event["target_id"], event["details"])
        for event in events
        if ":group" in event["action"]
    ]
    assert found == [
        ("users:group:deleted", None, {"group": "dev"}),
        ("users:group:updated", None, {"group": "ops", "renamed_to": "dev"}),
        ("users:group_member:removed", people.user.id, {"group": "ops"}),
        ("users:group_member:added", people.user.id, {"group": "ops"}),
        ("users:group:created", None, {"group": "ops"}),
    ]
