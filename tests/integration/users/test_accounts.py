"""Create, read, replace, change and delete accounts; profiles; who may read the directory."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from integration.harness.installation import AUTH, USERS, Installation, reconfigured
from integration.harness.people import (
    PASSWORD,
    People,
    bootstrap,
    count_users,
    enrol,
    half_made,
    new_user,
)
from integration.harness.problems import assert_problem, pointers

PUBLIC = {"id", "email", "name", "role", "status", "email_verified", "created_at", "updated_at", "picture"}


def test_created_account_can_be_used_at_once(installation: Installation, people: People) -> None:
    body = new_user(email="Ada.Lovelace@Example.com", name="Ada")
    response = installation.call("POST", USERS, people.admin.access, json=body)
    assert response.status_code == 201
    created = response.json()
    assert created.pop("warnings") == []
    assert created.keys() == PUBLIC
    assert created["email"] == "Ada.Lovelace@Example.com"
    assert (created["role"], created["status"], created["email_verified"]) == ("user", "active", True)
    assert uuid.UUID(created["id"]).version == 7
    created_at = datetime.fromisoformat(created["created_at"])
    assert abs(datetime.now(UTC) - created_at) < timedelta(minutes=1)
    assert response.headers["location"] == f"{USERS}/{created['id']}"
    read = installation.call("GET", response.headers["location"], people.admin.access)
    assert read.status_code == 200
    assert read.json() == created
    assert read.headers["etag"] == response.headers["etag"]
    installation.log_in("ada.lovelace@example.com", PASSWORD)


def test_replacing_sets_everything_but_the_password(installation: Installation, people: People) -> None:
    body = {"email": "new@example.com", "name": "New", "role": "admin", "status": "active"}
    response = installation.call("PUT", people.user.path, people.admin.access, json=body)
    assert response.status_code == 200
    assert {name: response.json()[name] for name in body} == body
    assert response.json()["id"] == people.user.id
    right = {"email": "new@example.com", "password": PASSWORD}
    assert_problem(installation.call("POST", f"{AUTH}/token", json=right), 403, "email_not_verified")
    old = {"email": people.user.email, "password": PASSWORD}
    assert_problem(installation.call("POST", f"{AUTH}/token", json=old), 401, "invalid_credentials")


@pytest.mark.parametrize("missing", ["email", "name", "role", "status"])
def test_replacing_with_a_missing_field_is_rejected(
    installation: Installation, people: People, missing: str
) -> None:
    body = {"email": "new@example.com", "name": "New", "role": "user", "status": "active"}
    del body[missing]
    response = installation.call("PUT", people.user.path, people.admin.access, json=body)
    assert pointers(assert_problem(response, 422, "validation_error")) == {"/" + missing}


@pytest.mark.parametrize(
    "change",
    [{"name": "Other name"}, {"email": "moved@example.com"}, {"role": "admin"}, {"status": "disabled"}],
)
def test_changing_one_field_keeps_the_others(
    installation: Installation, people: People, change: dict[str, str]
) -> None:
    before = installation.call("GET", people.user.path, people.admin.access).json()
    response = installation.call("PATCH", people.user.path, people.admin.access, json=change)
    assert response.status_code == 200
    after = response.json()
    assert after.pop("warnings") == []
    assert after["updated_at"] >= before["updated_at"]
    expected = {**before, **change, "updated_at": after["updated_at"]}
    if "email" in change:
        expected["email_verified"] = False
    assert after == expected
    assert installation.call("GET", people.user.path, people.admin.access).json() == expected


@pytest.mark.parametrize("member", ["email", "name", "role", "status", "password"])
def test_null_is_rejected(installation: Installation, people: People, member: str) -> None:
    response = installation.call("PATCH", people.user.path, people.admin.access, json={member: None})
    assert pointers(assert_problem(response, 422, "validation_error")) == {"/" + member}


def test_deleting_an_account_deletes_its_data(installation: Installation, people: People) -> None:
    response = installation.call("DELETE", people.user.path, people.admin.access)
    assert (response.status_code, response.content) == (204, b"")
    assert_problem(installation.call("GET", people.user.path, people.admin.access), 404, "user_not_found")
    assert_problem(installation.call("DELETE", people.user.path, people.admin.access), 404, "user_not_found")
    for table in ("credentials", "sessions"):
        owners = installation.execute(f"SELECT DISTINCT user_id FROM {table}")
        assert uuid.UUID(people.user.id).bytes not in {bytes(owner[0]) for owner in owners}
    login = {"email": people.user.email, "password": PASSWORD}
    assert_problem(installation.call("POST", f"{AUTH}/token", json=login), 401, "invalid_credentials")


def test_address_of_a_deleted_account_can_be_used_again(installation: Installation, people: People) -> None:
    installation.call("DELETE", people.user.path, people.admin.access)
    again = enrol(installation, people.admin, email=people.user.email)
    assert again.id != people.user.id


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_unknown_id_is_not_found(installation: Installation, people: People, method: str) -> None:
    body = {"email": "new@example.com", "name": "New", "role": "user", "status": "active"}
    options = {"json": body} if method in {"PUT", "PATCH"} else {}
    path = f"{USERS}/{uuid.uuid4()}"
    assert_problem(installation.call(method, path, people.admin.access, **options), 404, "user_not_found")


def test_own_profile_is_read_and_renamed(installation: Installation, people: People) -> None:
    response = installation.call("PATCH", f"{USERS}/me", people.user.access, json={"name": "Myself"})
    assert response.status_code == 200
    assert response.json()["name"] == "Myself"
    read = installation.call("GET", f"{USERS}/me", people.user.access)
    assert read.json() == response.json()
    assert read.json() == installation.call("GET", people.user.path, people.admin.access).json()


@pytest.mark.parametrize(
    "body",
    [
        {"role": "admin"},
        {"status": "active"},
        {"email": "x@example.com"},
        {"password": PASSWORD},
        {"id": "x"},
    ],
)
def test_own_profile_accepts_only_a_new_name(
    installation: Installation, people: People, body: dict[str, str]
) -> None:
    before = installation.call("GET", f"{USERS}/me", people.user.access).json()
    response = installation.call("PATCH", f"{USERS}/me", people.user.access, json={"name": "Me", **body})
    assert pointers(assert_problem(response, 422, "validation_error")) == {f"/{name}" for name in body}
    assert installation.call("GET", f"{USERS}/me", people.user.access).json() == before


def test_a_directory_for_admins_is_forbidden_to_users(installation: Installation, people: People) -> None:
    with reconfigured(installation, directory_visibility="admins") as closed:
        assert_problem(closed.call("GET", USERS, people.user.access), 403, "insufficient_permission")
        hidden = assert_problem(closed.call("GET", people.other.path, people.user.access), 404)
        unknown = assert_problem(closed.call("GET", f"{USERS}/{uuid.uuid4()}", people.user.access), 404)
        assert hidden["code"] == unknown["code"]
        assert hidden["detail"] == unknown["detail"]
        assert closed.call("GET", people.user.path, people.user.access).status_code == 200
        assert closed.call("GET", f"{USERS}/me", people.user.access).status_code == 200
        assert closed.call("GET", USERS, people.admin.access).status_code == 200
        assert closed.call("GET", people.other.path, people.admin.access).status_code == 200


def test_first_admin_command_is_repeatable(installation: Installation, people: People) -> None:
    before = count_users(installation)
    bootstrap(installation, people.admin.email)
    bootstrap(installation, people.user.email.upper())
    assert count_users(installation) == before
    promoted = installation.call("GET", people.user.path, people.admin.access).json()
    assert (promoted["role"], promoted["status"]) == ("admin", "active")
    assert half_made(installation) == []
