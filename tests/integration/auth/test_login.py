"""Login with JSON and with the form of OAuth2, and the claims of the access token."""

from typing import Any

import pytest

from integration.harness.installation import AUTH, USERS, Installation
from integration.harness.people import PASSWORD, People, disable
from integration.harness.problems import assert_oauth_error, assert_problem, pointers

TOKEN = f"{AUTH}/token"


def test_json_login_returns_working_tokens(installation: Installation, people: People) -> None:
    response = installation.call("POST", TOKEN, json={"email": people.user.email, "password": PASSWORD})
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 300
    assert body["refresh_expires_in"] == 14 * 86_400
    me = installation.call("GET", f"{AUTH}/me", body["access_token"])
    assert me.status_code == 200
    assert me.json()["id"] == people.user.id
    assert me.json()["role"] == "user"
    profile = installation.call("GET", f"{USERS}/me", body["access_token"])
    assert profile.json()["email"] == people.user.email
    assert installation.refresh(body["refresh_token"]).status_code == 200


def test_form_login_returns_working_tokens(installation: Installation, people: People) -> None:
    form = {"grant_type": "password", "username": people.admin.email, "password": PASSWORD}
    response = installation.call("POST", TOKEN, data=form)
    assert response.status_code == 200
    me = installation.call("GET", f"{AUTH}/me", response.json()["access_token"]).json()
    assert (me["id"], me["role"]) == (people.admin.id, "admin")


def test_form_without_grant_type_is_a_login_too(installation: Installation, people: People) -> None:
    form = {"username": people.user.email, "password": PASSWORD}
    assert installation.call("POST", TOKEN, data=form).status_code == 200


def test_other_grant_types_are_rejected(installation: Installation, people: People) -> None:
    form = {"grant_type": "client_credentials", "username": people.user.email, "password": PASSWORD}
    assert_oauth_error(installation.call("POST", TOKEN, data=form), 400, "unsupported_grant_type")


@pytest.mark.databases("sqlite")  # these rejections do not depend on the database
@pytest.mark.parametrize(
    "form",
    [
        f"username=user@example.com&username=admin@example.com&password={PASSWORD}",
        f"username=user@example.com&password=wrong&password={PASSWORD}",
        "username=user@example.com",
        f"password={PASSWORD}",
        "",
    ],
)
def test_form_with_a_missing_or_repeated_field_is_rejected(
    installation: Installation, people: People, form: str
) -> None:
    assert people.user.email == "user@example.com"
    headers = {"content-type": "application/x-www-form-urlencoded"}
    response = installation.call("POST", TOKEN, content=form.replace(" ", "+"), headers=headers)
    assert_oauth_error(response, 400, "invalid_request")


@pytest.mark.parametrize("kind", ["json", "data"])
def test_wrong_password_and_unknown_address_get_the_same_response(
    installation: Installation, people: People, kind: str
) -> None:
    name = "email" if kind == "json" else "username"
    answers = []
    for email in (people.user.email, "nobody@example.com", "not an address", "@"):
        sent: dict[str, Any] = {kind: {name: email, "password": "wrong, all wrong"}}
        response = installation.call("POST", TOKEN, **sent)
        document = (
            assert_problem(response, 401, "invalid_credentials")
            if kind == "json"
            else assert_oauth_error(response, 400, "invalid_grant")
        )
        answers.append({name: text for name, text in document.items() if name != "request_id"})
    assert all(answer == answers[0] for answer in answers)


def test_login_reveals_a_disabled_account_only_to_the_right_password(
    installation: Installation, people: People
) -> None:
    disable(installation, people.admin, people.user)
    right = {"email": people.user.email, "password": PASSWORD}
    assert_problem(installation.call("POST", TOKEN, json=right), 403, "account_disabled")
    wrong = {"email": people.user.email, "password": PASSWORD + "!"}
    assert_problem(installation.call("POST", TOKEN, json=wrong), 401, "invalid_credentials")


def test_login_reveals_an_unverified_account_only_to_the_right_password(
    installation: Installation, people: People
) -> None:
    installation.execute(
        "UPDATE users SET email_verified_at = NULL WHERE email_key = :key", key=people.user.email
    )
    right = {"email": people.user.email, "password": PASSWORD}
    assert_problem(installation.call("POST", TOKEN, json=right), 403, "email_not_verified")
    assert_problem(
        installation.call("POST", TOKEN, json={**right, "password": "no"}), 401, "invalid_credentials"
    )


def test_login_ignores_case_of_the_address(installation: Installation, people: People) -> None:
    tokens = installation.log_in("User@EXAMPLE.com", PASSWORD)
    assert installation.call("GET", f"{AUTH}/me", tokens.access).json()["id"] == people.user.id


def test_damaged_hash_is_reported_as_a_wrong_password(installation: Installation, people: People) -> None:
    installation.execute("UPDATE credentials SET password_hash = '$argon2id$v=19$m=64,t=1,p=1$damaged'")
    response = installation.call("POST", TOKEN, json={"email": people.user.email, "password": PASSWORD})
    assert_problem(response, 401, "invalid_credentials")


def test_hash_with_old_parameters_is_replaced_at_login(installation: Installation, people: People) -> None:
    def stored() -> str:
        return str(
            installation.execute(
                "SELECT password_hash FROM credentials JOIN users ON id = user_id WHERE email_key = :key",
                key=people.user.email,
            )[0][0]
        )

    before = stored()
    assert "m=64,t=1,p=1" in before
    stronger = Installation(installation.database_url, argon2_memory_kib=128)
    with stronger:
        stronger.log_in(people.user.email, PASSWORD)
        assert "m=128,t=1,p=1" in stored()
        once_more = stored()
        stronger.log_in(people.user.email, PASSWORD)
        assert stored() == once_more


def test_missing_members_are_named(installation: Installation, people: People) -> None:
    response = installation.call("POST", TOKEN, json={"email": people.user.email})
    assert pointers(assert_problem(response, 422, "validation_error")) == {"/password"}


def test_shared_key_is_never_published(installation: Installation) -> None:
    response = installation.call("GET", f"{AUTH}/jwks.json")
    assert response.status_code == 200
    assert response.json() == {"keys": []}
