"""Changing a known password, with an access token or with the address."""

import unicodedata
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from doorward_identity.tables import known_devices, one_time_codes
from integration.harness.installation import AUTH, USERS, Installation
from integration.harness.people import PASSWORD, People, disable
from integration.harness.problems import assert_problem
from integration.self_service.database_rows import count
from integration.self_service.flows import ANOTHER, CHOSEN, Flows, Joined, unique

ADA = "ada@example.com"

Change = Callable[[Flows, Joined, str, str], httpx2.Response]


def signed_in(flows: Flows, who: Joined, current: str, new: str) -> httpx2.Response:
    return flows.change(who.access, current, new)


def by_address(flows: Flows, who: Joined, current: str, new: str) -> httpx2.Response:
    return flows.change_by_address(who.email, current, new)


both_ways = pytest.mark.parametrize("change", [signed_in, by_address])


def assert_dead(installation: Installation, flows: Flows, access: str, refresh: str) -> None:
    assert_problem(flows.refresh(refresh), 401, "invalid_refresh_token")
    for path in (f"{AUTH}/me", f"{USERS}/me"):
        assert_problem(installation.call("GET", path, access), 401, "invalid_token")


@both_ways
def test_the_new_password_replaces_the_old_one(flows: Flows, ada: Joined, change: Change) -> None:
    done = change(flows, ada, CHOSEN, ANOTHER)
    assert (done.status_code, done.content) == (204, b"")
    flows.sign_in(ADA, ANOTHER)
    assert_problem(flows.log_in(ADA, CHOSEN), 401, "invalid_credentials")
    [told] = flows.mailbox.all()
    assert (told.recipient, told.subject) == (ADA, "Your password at Doorward was changed")


def test_a_change_keeps_the_own_session_and_ends_the_others(
    flows: Flows, installation: Installation, ada: Joined
) -> None:
    others = [flows.sign_in(ADA, CHOSEN) for _ in range(2)]
    assert flows.change(ada.access, CHOSEN).status_code == 204
    for tokens in others:
        assert_dead(installation, flows, tokens.access, tokens.refresh)
    assert flows.me(ada.access).status_code == 200
    rename = installation.call("PATCH", f"{USERS}/me", ada.access, json={"name": "Ada"})
    assert rename.status_code == 200
    assert flows.refresh(ada.refresh).status_code == 200
    listed = installation.call("GET", f"{AUTH}/sessions", ada.access).json()["items"]
    assert [item["current"] for item in listed] == [True]


def test_a_change_by_address_ends_all_sessions(flows: Flows, installation: Installation, ada: Joined) -> None:
    elsewhere = flows.sign_in(ADA, CHOSEN)
    assert flows.change_by_address(ADA.upper(), CHOSEN).status_code == 204
    for tokens in (ada, elsewhere):
        assert_dead(installation, flows, tokens.access, tokens.refresh)


@both_ways
def test_a_change_invalidates_codes_and_devices(
    flows: Flows, installation: Installation, ada: Joined, change: Change
) -> None:
    new = unique("new")
    flows.ask_for_address(ada.access, new, CHOSEN)
    reset, moved = flows.mailed_pin(ADA), flows.pin_of(new)
    assert count(installation, one_time_codes, ada.id) == 2
    assert count(installation, known_devices, ada.id) == 2
    assert change(flows, ada, CHOSEN, ANOTHER).status_code == 204
    assert count(installation, one_time_codes, ada.id) == count(installation, known_devices, ada.id) == 0
    assert_problem(flows.reset(ADA, reset, "yet another engine"), 400, "invalid_code")
    tokens = flows.sign_in(ADA, ANOTHER)
    assert_problem(flows.confirm_address(tokens.access, moved), 400, "invalid_code")


@pytest.mark.databases("sqlite")  # these rejections do not depend on the database
@both_ways
@pytest.mark.parametrize("wrong", [ANOTHER, CHOSEN + " ", CHOSEN.upper(), "x", "x" * 1024])
def test_a_change_requires_the_current_password(
    flows: Flows, ada: Joined, change: Change, wrong: str
) -> None:
    assert_problem(change(flows, ada, wrong, "yet another engine"), 401, "invalid_credentials")
    assert flows.me(ada.access).status_code == 200
    flows.sign_in(ADA, CHOSEN)
    assert flows.mailbox.all() == []


@pytest.mark.databases("sqlite")  # these rejections do not depend on the database
@both_ways
@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("qz7-k!v", "password_too_short"),
        ("x" * 129, "password_too_long"),
        ("password123", "password_common"),
        ("ada@example.com", "password_personal"),
        ("Lovelace-Ada", "password_personal"),
        ("doorward doorward", "password_personal"),
    ],
)
def test_an_unacceptable_password_is_rejected_by_its_field(
    flows: Flows, ada: Joined, change: Change, password: str, code: str
) -> None:
    document = assert_problem(change(flows, ada, CHOSEN, password), 422, "validation_error")
    assert [(error["pointer"], error["code"]) for error in document["errors"]] == [("/new_password", code)]
    flows.sign_in(ADA, CHOSEN)


@pytest.mark.databases("sqlite")  # these rejections do not depend on the database
@both_ways
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_the_current_password_is_rejected_as_new_password(flows: Flows, change: Change, form: str) -> None:
    password = "naïve café au lait"
    ada = flows.join(ADA, password)
    current = unicodedata.normalize("NFC" if form == "NFD" else "NFD", password)
    for old, new in ((password, password), (current, unicodedata.normalize(form, password))):  # type: ignore[arg-type]  # a literal in its stubs
        document = assert_problem(change(flows, ada, old, new), 422, "password_unchanged")
        # Like every 422, it names the field.
        assert [error["pointer"] for error in document["errors"]] == ["/new_password"]
    assert flows.me(ada.access).status_code == 200


@pytest.mark.databases("sqlite")  # these rejections do not depend on the database
@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"current_password": CHOSEN, "new_password": ANOTHER}, 422, "/email"),
        ({"email": ADA, "new_password": ANOTHER}, 422, "/current_password"),
        ({"email": ADA, "current_password": CHOSEN}, 422, "/new_password"),
        ({"email": ADA, "current_password": CHOSEN, "new_password": ANOTHER, "role": "x"}, 422, "/role"),
        ({"email": "", "current_password": CHOSEN, "new_password": ANOTHER}, 422, "/email"),
        ({"email": ADA, "current_password": "x" * 1025, "new_password": ANOTHER}, 422, "/current_password"),
    ],
)
def test_a_body_with_missing_or_unknown_fields_is_rejected(
    flows: Flows, installation: Installation, ada: Joined, body: dict[str, Any], status: int, pointer: str
) -> None:
    document = assert_problem(installation.call("POST", f"{AUTH}/password", json=body), status)
    assert [error["pointer"] for error in document["errors"]] == [pointer]
    flows.sign_in(ADA, ada.password)


def test_an_invalid_token_is_not_ignored(flows: Flows, installation: Installation, ada: Joined) -> None:
    body = {"email": ADA, "current_password": CHOSEN, "new_password": ANOTHER}
    response = installation.call("POST", f"{AUTH}/password", ada.access + "x", json=body)
    assert_problem(response, 401, "invalid_token")
    flows.sign_in(ADA, CHOSEN)


def test_the_address_takes_precedence_over_the_token(
    flows: Flows, installation: Installation, ada: Joined, people: People
) -> None:
    body = {"email": ADA, "current_password": CHOSEN, "new_password": ANOTHER}
    response = installation.call("POST", f"{AUTH}/password", people.user.access, json=body)
    assert response.status_code == 204
    assert_dead(installation, flows, ada.access, ada.refresh)
    assert flows.me(people.user.access).status_code == 200
    flows.sign_in(people.user.email, PASSWORD)


def test_a_disabled_account_keeps_its_password(
    flows: Flows, installation: Installation, people: People
) -> None:
    disable(installation, people.admin, people.other)
    assert_problem(flows.change_by_address(people.other.email, PASSWORD), 403, "account_disabled")
    assert_problem(flows.change(people.other.access, PASSWORD), 401, "invalid_token")
    assert_problem(flows.log_in(people.other.email, PASSWORD), 403, "account_disabled")
