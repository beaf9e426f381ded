"""ETag, If-Match, If-None-Match: a stale client cannot overwrite a change."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from integration.harness.installation import USERS, Installation
from integration.harness.people import People
from integration.harness.problems import assert_problem

REPLACEMENT = {"email": "user@example.com", "name": "Replaced", "role": "user", "status": "active"}


def writes(people: People) -> list[tuple[str, str, str, dict[str, Any]]]:
    """Every way of changing the user's account: method, path, token, options."""
    return [
        ("PATCH", people.user.path, people.admin.access, {"json": {"name": "Changed"}}),
        ("PUT", people.user.path, people.admin.access, {"json": REPLACEMENT}),
        ("PATCH", f"{USERS}/me", people.user.access, {"json": {"name": "Renamed"}}),
        ("DELETE", people.user.path, people.admin.access, {}),
    ]


def tag(installation: Installation, people: People) -> str:
    return str(installation.call("GET", people.user.path, people.user.access).headers["etag"])


def test_every_change_changes_the_etag(installation: Installation, people: People) -> None:
    seen = {tag(installation, people)}
    for method, path, token, options in writes(people)[:3]:
        answer = installation.call(method, path, token, **options)
        assert answer.headers["etag"] == tag(installation, people)
        assert answer.headers["etag"] not in seen
        seen.add(answer.headers["etag"])


@pytest.mark.parametrize("which", range(4))
def test_stale_if_match_is_rejected_and_changes_nothing(
    installation: Installation, people: People, which: int
) -> None:
    old = tag(installation, people)
    installation.call("PATCH", people.user.path, people.admin.access, json={"name": "Between"})
    before = installation.call("GET", people.user.path, people.admin.access).json()
    method, path, token, options = writes(people)[which]
    for condition in (old, f"W/{tag(installation, people)}", '"nonsense"', "", '"1", "x"', "é"):
        response = installation.call(method, path, token, headers={"If-Match": condition}, **options)
        assert_problem(response, 412, "precondition_failed")
    assert installation.call("GET", people.user.path, people.admin.access).json() == before


@pytest.mark.parametrize("which", range(4))
@pytest.mark.parametrize("form", ["{}", '"x", {}', "*", " {} "])
def test_current_if_match_is_accepted(
    installation: Installation, people: People, which: int, form: str
) -> None:
    method, path, token, options = writes(people)[which]
    headers = {"If-Match": form.format(tag(installation, people))}
    assert installation.call(method, path, token, headers=headers, **options).status_code in {200, 204}


def test_of_twenty_parallel_writes_with_the_same_etag_one_succeeds(
    installation: Installation, people: People
) -> None:
    headers = {"If-Match": tag(installation, people)}

    def change(number: int) -> int:
        body = {"name": f"Number {number}"}
        return installation.call(
            "PATCH", people.user.path, people.admin.access, json=body, headers=headers
        ).status_code

    with ThreadPoolExecutor(20) as threads:
        statuses = sorted(threads.map(change, range(20)))
    assert statuses == [200] + [412] * 19


@pytest.mark.parametrize("path", ["me", "id"])
def test_unchanged_resource_is_304(installation: Installation, people: People, path: str) -> None:
    where = people.user.path if path == "id" else f"{USERS}/me"
    current = tag(installation, people)
    for condition in (current, f"W/{current}", f'"x", {current}', "*"):
        response = installation.call("GET", where, people.user.access, headers={"If-None-Match": condition})
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["etag"] == current
    for condition in ('"0"', "", "nonsense"):
        response = installation.call("GET", where, people.user.access, headers={"If-None-Match": condition})
        assert response.status_code == 200


def test_overlong_condition_is_rejected(installation: Installation, people: People) -> None:
    for name in ("If-Match", "If-None-Match"):
        method = "PATCH" if name == "If-Match" else "GET"
        options = {"json": {"name": "Long"}} if method == "PATCH" else {}
        headers = {name: '"' + "1" * 2000 + '"'}
        response = installation.call(method, f"{USERS}/me", people.user.access, headers=headers, **options)
        assert_problem(response, 422, "validation_error")
