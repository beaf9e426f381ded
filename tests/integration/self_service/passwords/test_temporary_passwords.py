"""DOORWARD_ADMIN_SET_PASSWORD_MUST_CHANGE=true: a password set by an administrator must be changed first."""

import uuid
from collections.abc import Iterator

import pytest

from doorward_auth.grant_types import NEW_PASSWORD
from doorward_identity.audit.own_events import CHANGES
from doorward_identity.audit.repository import AuditAction, record
from integration.harness.installation import AUTH, USERS, Installation, reconfigured
from integration.harness.people import PASSWORD, People
from integration.harness.problems import assert_oauth_error, assert_problem
from integration.self_service.flows import ANOTHER, CHOSEN, Flows
from integration.self_service.mailbox import Mailbox

pytestmark = pytest.mark.databases("sqlite")

BOB = "bob@example.com"
HANDED_OUT = "handed out on paper"


@pytest.fixture
def strict(installation: Installation, mailbox: Mailbox, people: People) -> Iterator[Flows]:  # noqa: ARG001 - created first
    """Flows with temporary passwords, which users must change."""
    with reconfigured(installation, admin_set_password_must_change=True) as replica:
        yield Flows(replica, mailbox)


def set_password(flows: Flows, people: People, user_id: str, password: str) -> None:
    response = flows.api.call("PATCH", f"{USERS}/{user_id}", people.admin.access, json={"password": password})
    assert response.status_code == 200, response.text


def assert_change_required(flows: Flows, email: str, password: str) -> None:
    """Check that a right password opens no session and must be changed."""
    rejection = assert_problem(flows.log_in(email, password), 403, "password_change_required")
    assert rejection["sign_in_token"].startswith("dws_")
    assert rejection["expires_in"] == 600
    assert_problem(flows.log_in(email, password + "x"), 401, "invalid_credentials")
    form = {"username": email, "password": password}
    rejected = assert_oauth_error(flows.api.call("POST", f"{AUTH}/token", data=form), 400, "invalid_grant")
    assert rejected["code"] == "password_change_required"


def test_a_created_account_must_change_its_password(strict: Flows, people: People) -> None:
    assert strict.create(people.admin.access, BOB, password=HANDED_OUT).status_code == 201
    assert_change_required(strict, BOB, HANDED_OUT)
    assert strict.change_by_address(BOB, HANDED_OUT, CHOSEN).status_code == 204
    strict.sign_in(BOB, CHOSEN)
    assert_problem(strict.log_in(BOB, HANDED_OUT), 401, "invalid_credentials")


def test_a_user_must_change_a_password_set_by_an_administrator(strict: Flows, people: People) -> None:
    set_password(strict, people, people.user.id, HANDED_OUT)
    assert_problem(strict.refresh(people.user.refresh), 401, "invalid_refresh_token")
    assert_change_required(strict, people.user.email, HANDED_OUT)
    assert strict.change_by_address(people.user.email, HANDED_OUT, CHOSEN).status_code == 204
    strict.sign_in(people.user.email, CHOSEN)


def test_a_temporary_password_can_always_be_changed(
    strict: Flows, installation: Installation, people: People
) -> None:
    """Though a thief of the earlier one has changed it as often as is allowed."""
    user = people.user
    set_password(strict, people, user.id, HANDED_OUT)
    thief = uuid.UUID(user.id)
    with installation.transaction() as connection:
        for _ in range(CHANGES.most):
            record(connection, AuditAction.PASSWORD_CHANGED, actor=thief, target=thief)
    assert strict.change_by_address(user.email, HANDED_OUT, CHOSEN).status_code == 204
    set_password(strict, people, user.id, HANDED_OUT)
    token = strict.log_in(user.email, HANDED_OUT).json()["sign_in_token"]
    body = {"grant_type": NEW_PASSWORD, "sign_in_token": token, "new_password": ANOTHER}
    answer = strict.api.call("POST", f"{AUTH}/token", json=body)
    assert answer.status_code == 200, answer.text


def test_the_same_or_an_unacceptable_password_is_rejected(strict: Flows, people: People) -> None:
    strict.create(people.admin.access, BOB, password=HANDED_OUT)
    assert_problem(strict.change_by_address(BOB, HANDED_OUT, HANDED_OUT), 422, "password_unchanged")
    assert_problem(strict.change_by_address(BOB, HANDED_OUT, "password123"), 422, "validation_error")
    assert_problem(strict.change_by_address(BOB, "x", CHOSEN), 401, "invalid_credentials")
    assert_change_required(strict, BOB, HANDED_OUT)


def test_a_reset_by_mail_replaces_the_temporary_password(strict: Flows, people: People) -> None:
    strict.create(people.admin.access, BOB, password=HANDED_OUT)
    assert strict.reset(BOB, strict.mailed_pin(BOB), CHOSEN).status_code == 200
    strict.sign_in(BOB, CHOSEN)


def test_an_invited_user_chooses_a_password_once(strict: Flows, people: People) -> None:
    _, code = strict.invited(people.admin.access, BOB)
    assert strict.accept(code, CHOSEN).status_code == 200
    strict.sign_in(BOB, CHOSEN)


def test_the_next_password_set_by_an_administrator_is_temporary_again(strict: Flows, people: People) -> None:
    bob = strict.create(people.admin.access, BOB, password=HANDED_OUT).json()["id"]
    strict.change_by_address(BOB, HANDED_OUT, CHOSEN)
    strict.sign_in(BOB, CHOSEN)
    set_password(strict, people, bob, ANOTHER)
    assert_change_required(strict, BOB, ANOTHER)


def test_other_passwords_are_not_temporary(strict: Flows, people: People) -> None:
    strict.sign_in(people.user.email, PASSWORD)
    strict.join("ada@example.com", CHOSEN)


def test_by_default_a_password_set_by_an_administrator_is_permanent(flows: Flows, people: People) -> None:
    flows.create(people.admin.access, BOB, password=HANDED_OUT)
    flows.sign_in(BOB, HANDED_OUT)
    set_password(flows, people, people.user.id, HANDED_OUT)
    flows.sign_in(people.user.email, HANDED_OUT)
