"""A form to an OAuth endpoint is answered by RFC 6749 section 5.2, the same request in JSON by a problem."""

import base64
from collections.abc import Callable, Mapping
from typing import Any

import httpx2
import pytest

from doorward_auth.bodies import MAX_FIELDS
from doorward_auth.sign_in.service import SignInService
from doorward_kit.executors import OverloadedError
from integration.harness.installation import AUTH, CLIENT, Installation
from integration.harness.people import PASSWORD, People, disable
from integration.harness.problems import assert_oauth_error, assert_problem

pytestmark = pytest.mark.databases("sqlite")  # how a rejection is written does not depend on the database

TOKEN = f"{AUTH}/token"
REFRESH = f"{AUTH}/refresh-token"
EMAIL = "user@example.com"
WRONG = {"username": EMAIL, "password": "wrong, all wrong"}
RIGHT = {"username": EMAIL, "password": PASSWORD}


def in_both(installation: Installation, body: Mapping[str, str], path: str = TOKEN) -> list[httpx2.Response]:
    options: list[dict[str, Any]] = [{"data": dict(body)}, {"json": dict(body)}]
    return [installation.call("POST", path, **option) for option in options]


def unverify(installation: Installation, _people: People) -> None:
    installation.execute("UPDATE users SET email_verified_at = NULL WHERE email_key = :key", key=EMAIL)


def change_nothing(_installation: Installation, _people: People) -> None:
    """Leave the accounts as they are."""


CASES: dict[str, tuple[Callable[[Installation, People], None], dict[str, str], str, tuple[int, str]]] = {
    "a wrong password": (change_nothing, WRONG, "invalid_grant", (401, "invalid_credentials")),
    "an unknown user": (
        change_nothing,
        {"username": "nobody@example.com", "password": "x"},
        "invalid_grant",
        (401, "invalid_credentials"),
    ),
    "a disabled account": (
        lambda installation, people: disable(installation, people.admin, people.user),
        RIGHT,
        "invalid_grant",
        (403, "account_disabled"),
    ),
    "an unverified address": (unverify, RIGHT, "invalid_grant", (403, "email_not_verified")),
    "a refresh token of another issuer": (
        change_nothing,
        {"grant_type": "refresh_token", "refresh_token": "dwr_x"},
        "invalid_grant",
        (401, "invalid_refresh_token"),
    ),
    "an unknown grant": (
        change_nothing,
        {"grant_type": "client_credentials"},
        "unsupported_grant_type",
        (400, "unsupported_grant_type"),
    ),
    "no password": (change_nothing, {"username": EMAIL}, "invalid_request", (422, "validation_error")),
}


@pytest.mark.parametrize("case", CASES)
def test_each_rejection_has_the_format_of_the_request(
    installation: Installation, people: People, case: str
) -> None:
    prepare, body, error, (status, code) = CASES[case]
    prepare(installation, people)
    form, json = in_both(installation, body)
    assert assert_oauth_error(form, 400, error)["code"] == code
    assert_problem(json, status, code)


def test_a_further_step_brings_the_token_that_continues_the_sign_in(
    installation: Installation, people: People
) -> None:
    unverify(installation, people)
    rejection = assert_oauth_error(installation.call("POST", TOKEN, data=RIGHT), 400, "invalid_grant")
    assert rejection["code"] == "email_not_verified"
    assert rejection["sign_in_token"].startswith("dws_")
    assert rejection["expires_in"] == 600


def test_an_overloaded_server_is_distinct_from_a_wrong_password(
    installation: Installation, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def reject(*_arguments: Any) -> None:
        raise OverloadedError("Too many logins are waiting.", retry_after=7)

    monkeypatch.setattr(SignInService, "log_in", reject)
    form, json = in_both(installation, RIGHT)
    assert people.user.email == EMAIL
    assert assert_oauth_error(form, 503, "temporarily_unavailable")["code"] == "overloaded"
    assert_problem(json, 503, "overloaded")
    assert form.headers["retry-after"] == json.headers["retry-after"] == "7"


def test_too_many_attempts_are_distinct_from_a_wrong_password(
    installation: Installation, people: People
) -> None:
    assert people.user.email == EMAIL
    answers = [installation.call("POST", TOKEN, data=WRONG) for _ in range(30)]
    limited = next(answer for answer in answers if answer.status_code != 400)
    assert assert_oauth_error(limited, 429, "too_many_attempts")["code"] == "too_many_attempts"
    assert int(limited.headers["retry-after"]) > 0
    assert_problem(installation.call("POST", TOKEN, json=WRONG), 429, "too_many_attempts")


@pytest.mark.parametrize("extra", [{}, {"grant_type": "refresh_token"}, {"client_id": "app", "scope": ""}])
def test_refresh_token_takes_the_form_of_section_6(
    installation: Installation, people: People, extra: dict[str, str]
) -> None:
    response = installation.call("POST", REFRESH, data={"refresh_token": people.user.refresh, **extra})
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    renewed = response.json()
    assert renewed["refresh_token"] != people.user.refresh
    assert installation.call("GET", f"{AUTH}/me", renewed["access_token"]).status_code == 200


def test_refresh_token_rejects_a_form_in_the_words_of_oauth(
    installation: Installation, people: People
) -> None:
    invalid, problem = in_both(installation, {"refresh_token": "dwr_x"}, REFRESH)
    assert assert_oauth_error(invalid, 400, "invalid_grant")["code"] == "invalid_refresh_token"
    assert_problem(problem, 401, "invalid_refresh_token")
    for body, error in (
        ({}, "invalid_request"),
        ({"refresh_token": ""}, "invalid_request"),
        ({"refresh_token": [people.user.refresh, people.user.refresh]}, "invalid_request"),
        ({"grant_type": "password", "refresh_token": people.user.refresh}, "unsupported_grant_type"),
    ):
        response = installation.call(
            "POST", REFRESH, headers={"content-type": "application/x-www-form-urlencoded"}, data=body
        )
        assert_oauth_error(response, 400, error)
    assert installation.refresh(people.user.refresh).status_code == 200  # nothing was used up


def test_json_may_say_username_but_not_both(installation: Installation, people: People) -> None:
    assert people.user.email == EMAIL
    assert installation.call("POST", TOKEN, json=RIGHT).status_code == 200
    both = installation.call("POST", TOKEN, json={**RIGHT, "email": "admin@example.com"})
    assert_problem(both, 422, "validation_error")


def test_several_spaces_may_stand_before_credentials(installation: Installation, people: People) -> None:
    pair = base64.b64encode(":".join(CLIENT).encode()).decode()
    for authorization in (f"Basic  {pair}", f"basic   {pair}"):
        headers = {"authorization": authorization}
        form = {"token": people.user.access}
        response = installation.call("POST", f"{AUTH}/introspect", headers=headers, data=form)
        assert response.json()["active"] is True
    headers = {"authorization": f"Bearer  {people.user.access}"}
    assert installation.call("GET", f"{AUTH}/me", headers=headers).status_code == 200


def test_unknown_fields_are_ignored_up_to_a_limit(installation: Installation, people: People) -> None:
    assert people.user.email == EMAIL
    unknown = {f"field{number}": "x" for number in range(MAX_FIELDS - 2)}
    assert installation.call("POST", TOKEN, data={**RIGHT, **unknown}).status_code == 200
    for path in (TOKEN, REFRESH):
        many = {**RIGHT, **unknown, "one_more": "x"}
        rejected = assert_oauth_error(installation.call("POST", path, data=many), 400, "invalid_request")
        assert rejected["code"] == "invalid_request"
        assert rejected["error_description"] == "The form has more than 50 fields."
