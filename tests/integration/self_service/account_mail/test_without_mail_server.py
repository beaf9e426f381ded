"""Without a mail server nothing promises a mail, and the rest works."""

from collections.abc import Iterator
from typing import Any

import pytest

from integration.harness.installation import AUTH, USERS, Installation, reconfigured
from integration.harness.people import PASSWORD, People

pytestmark = pytest.mark.databases("sqlite")  # rejected before the database is asked

ADDRESS = "new@example.com"
REGISTRATION = {"email": ADDRESS, "password": "an unheard-of phrase"}


@pytest.fixture
def mailless(installation: Installation, people: People) -> Iterator[Installation]:  # noqa: ARG001 - they sign in
    with reconfigured(installation, mailbox_dir=None) as replica:
        yield replica


@pytest.mark.parametrize(
    ("caller", "path", "body"),
    [
        (None, f"{AUTH}/register", REGISTRATION),
        (None, f"{AUTH}/verify-email/resend", {"email": ADDRESS}),
        (None, f"{AUTH}/password/reset", {"email": "user@example.com"}),
        (None, f"{AUTH}/password/reset", {"email": ADDRESS}),
        ("user", f"{AUTH}/email", {"email": ADDRESS, "password": PASSWORD}),
        ("admin", USERS, {"email": ADDRESS, "name": "New"}),
        ("admin", f"{USERS}/{{user}}/invitation", None),
    ],
)
def test_what_promises_a_mail_is_rejected_without_a_mail_server(
    mailless: Installation, people: People, caller: str | None, path: str, body: dict[str, Any] | None
) -> None:
    token = None if caller is None else getattr(people, caller).access
    answer = mailless.call("POST", path.format(user=people.user.id), token, json=body)
    assert (answer.status_code, answer.json()["code"]) == (503, "mail_not_configured")
    assert "Retry-After" not in answer.headers
    for table in ("outbox", "pending_registrations", "one_time_codes"):
        assert mailless.execute(f"SELECT * FROM {table}") == []


def test_an_administrator_sets_no_address_that_its_user_could_not_prove(
    mailless: Installation, people: People
) -> None:
    path = f"{USERS}/{people.user.id}"
    rejected = mailless.call("PATCH", path, people.admin.access, json={"email": ADDRESS})
    assert (rejected.status_code, rejected.json()["code"]) == (503, "mail_not_configured")
    assert mailless.call("PATCH", path, people.admin.access, json={"name": "Ada"}).status_code == 200
    mailless.log_in(people.user.email, PASSWORD)


def test_a_login_that_needs_a_mailed_code_says_that_none_comes(
    mailless: Installation, people: People
) -> None:
    mailless.execute("UPDATE users SET email_verified_at = NULL WHERE email = 'user@example.com'")
    login = {"email": people.user.email, "password": PASSWORD}
    rejected = mailless.call("POST", f"{AUTH}/token", json=login)
    assert (rejected.status_code, rejected.json()["code"]) == (503, "mail_not_configured")
    wrong = mailless.call("POST", f"{AUTH}/token", json={**login, "password": "not the password at all"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid_credentials")


def test_a_password_set_by_an_administrator_verifies_where_no_mail_can(
    mailless: Installation, installation: Installation, people: People
) -> None:
    mailless.execute("UPDATE users SET email_verified_at = NULL WHERE email = 'user@example.com'")
    body = {"password": "a phrase of the administrator's"}
    path = f"{USERS}/{people.user.id}"
    for replica, verified in ((installation, False), (mailless, True)):
        answer = replica.call("PATCH", path, people.admin.access, json=body)
        assert (answer.status_code, answer.json()["email_verified"]) == (200, verified)
    mailless.log_in(people.user.email, body["password"])


def test_without_a_mail_server_accounts_with_a_password_are_created_and_changed(
    mailless: Installation, people: People
) -> None:
    created = mailless.call("POST", USERS, people.admin.access, json={**REGISTRATION, "name": "New"})
    assert created.status_code == 201
    access = mailless.log_in(ADDRESS, REGISTRATION["password"]).access
    changed = mailless.call(
        "POST",
        f"{AUTH}/password",
        access,
        json={"current_password": REGISTRATION["password"], "new_password": PASSWORD},
    )
    assert changed.status_code == 204


def test_closed_registration_says_so_before_it_says_that_there_is_no_mail(
    installation: Installation, people: People
) -> None:
    del people
    with reconfigured(installation, mailbox_dir=None, registration="closed") as replica:
        answer = replica.call("POST", f"{AUTH}/register", json=REGISTRATION)
    assert (answer.status_code, answer.json()["code"]) == (403, "registration_closed")
