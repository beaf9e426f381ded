"""Members see names and no addresses, unless the installation says so."""

from collections.abc import Iterator
from typing import Any

import pytest

from integration.harness.installation import USERS, Installation, reconfigured
from integration.harness.people import People, enrol
from integration.harness.problems import assert_problem


def everything(installation: Installation, token: str, **params: str) -> list[dict[str, Any]]:
    response = installation.call("GET", USERS, token, params={"limit": "200", **params})
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


@pytest.fixture
def members(installation: Installation, people: People) -> Iterator[Installation]:  # noqa: ARG001 - created first
    """A replica where members see addresses."""
    with reconfigured(installation, directory_visibility="members") as replica:
        yield replica


def test_members_see_names_and_the_own_address_alone(installation: Installation, people: People) -> None:
    items = everything(installation, people.user.access)
    assert len(items) == 4
    assert {item["email"] for item in items if item["id"] != people.user.id} == {None}
    assert {item["email_verified"] for item in items if item["id"] != people.user.id} == {None}
    [own] = [item for item in items if item["id"] == people.user.id]
    assert (own["email"], own["email_verified"]) == (people.user.email, True)
    one = installation.call("GET", people.other.path, people.user.access).json()
    assert (one["name"], one["email"], one["email_verified"]) == ("Other", None, None)
    assert people.other.email not in str([items, one])
    for path in (people.user.path, f"{USERS}/me"):
        assert installation.call("GET", path, people.user.access).json()["email"] == people.user.email


def test_members_neither_search_nor_sort_by_address(installation: Installation, people: People) -> None:
    assert everything(installation, people.user.access, q="other@") == []
    assert [item["name"] for item in everything(installation, people.user.access, q="other")] == ["Other"]
    for sort in ("email", "-email"):
        response = installation.call("GET", USERS, people.user.access, params={"sort": sort})
        assert assert_problem(response, 403, "insufficient_permission")["required"] == "users:read"


@pytest.mark.parametrize("role", ["admin", "auditor"])
def test_readers_of_the_directory_see_addresses(
    installation: Installation, people: People, role: str
) -> None:
    token = enrol(installation, people.admin, role=role).access
    assert None not in {item["email"] for item in everything(installation, token, sort="email")}
    assert [item["email"] for item in everything(installation, token, q="other@")] == [people.other.email]


def test_a_setting_shows_addresses_to_members(members: Installation, people: People) -> None:
    assert None not in {item["email"] for item in everything(members, people.user.access, sort="email")}
    assert [item["email"] for item in everything(members, people.user.access, q="other@")] == [
        people.other.email
    ]


def test_an_entry_without_its_address_has_another_etag(
    installation: Installation, members: Installation, people: People
) -> None:
    """Or a member who is given the permission would keep the entry without it."""
    hidden = installation.call("GET", people.other.path, people.user.access).headers["etag"]
    shown = members.call("GET", people.other.path, people.user.access, {"If-None-Match": hidden})
    assert shown.status_code == 200
    again = installation.call("GET", people.other.path, people.user.access, {"If-None-Match": hidden})
    assert again.status_code == 304


def test_a_cursor_of_a_search_by_address_is_not_a_members(installation: Installation, people: People) -> None:
    for number in range(2):
        enrol(installation, people.admin, email=f"searched-{number}@example.com")
    params = {"q": "searched", "limit": 1}
    cursor = installation.call("GET", USERS, people.admin.access, params=params).json()["next_cursor"]
    stolen = installation.call("GET", USERS, people.user.access, params={**params, "cursor": cursor})
    assert_problem(stolen, 400, "invalid_cursor")
