"""Registered clients introspect tokens (RFC 7662) and revoke them (RFC 7009)."""

import time
import uuid
from typing import Any

import httpx2
import pytest

from integration.harness.installation import AUTH, CLIENT, Installation
from integration.harness.people import People, disable
from integration.harness.problems import assert_oauth_error, assert_problem

pytestmark = pytest.mark.databases("sqlite")


def ask(installation: Installation, what: str, token: str | None, **options: Any) -> httpx2.Response:
    form = {} if token is None else {"token": token}
    return installation.call("POST", f"{AUTH}/{what}", **{"data": form, "auth": CLIENT, **options})


def test_introspecting_a_valid_access_token(installation: Installation, people: People) -> None:
    response = ask(installation, "introspect", people.user.access)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    told = response.json()
    assert told.pop("exp") - told.pop("iat") == 300
    uuid.UUID(told.pop("sid"))
    assert told.pop("jti")
    assert told == {
        "active": True,
        "token_type": "Bearer",
        "iss": "doorward",
        "aud": "doorward",
        "sub": people.user.id,
        "role": "user",
    }


def test_introspecting_a_valid_refresh_token(installation: Installation, people: People) -> None:
    told = ask(installation, "introspect", people.admin.refresh).json()
    assert told["active"] is True
    assert told["token_type"] == "refresh_token"
    assert told["sub"] == people.admin.id
    assert told["role"] == "admin"
    assert 13 * 86_400 < told["exp"] - time.time() < 15 * 86_400


@pytest.mark.parametrize("token", ["x", "a.b.c", "dwr_" + "A" * 64, "x" * 5000, "ü", "\x00"])
def test_introspecting_an_invalid_token_returns_only_inactive(
    installation: Installation, people: People, token: str
) -> None:
    assert ask(installation, "introspect", token).json() == {"active": False}
    assert ask(installation, "revoke", token).status_code == 200
    assert installation.call("GET", f"{AUTH}/me", people.user.access).status_code == 200


def test_used_refresh_tokens_and_those_of_disabled_accounts_are_inactive(
    installation: Installation, people: People
) -> None:
    assert installation.refresh(people.other.refresh).status_code == 200
    assert ask(installation, "introspect", people.other.refresh).json() == {"active": False}
    disable(installation, people.admin, people.user)
    for token in (people.user.access, people.user.refresh):
        assert ask(installation, "introspect", token).json() == {"active": False}


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_revoking_either_token_ends_the_session(
    installation: Installation, people: People, kind: str
) -> None:
    response = ask(installation, "revoke", getattr(people.user, kind))
    assert response.status_code == 200
    assert response.content == b""
    assert_problem(installation.call("GET", f"{AUTH}/me", people.user.access), 401)
    assert_problem(installation.refresh(people.user.refresh), 401)
    assert installation.call("GET", f"{AUTH}/me", people.other.access).status_code == 200
    assert ask(installation, "revoke", people.user.refresh).status_code == 200


def test_revoking_works_with_a_replaced_token_but_not_with_a_forged_one(
    installation: Installation, people: People
) -> None:
    rotated = installation.refresh(people.user.refresh).json()
    forged = people.user.refresh[:30] + "A" * (len(people.user.refresh) - 30)
    assert ask(installation, "revoke", forged).status_code == 200
    assert installation.call("GET", f"{AUTH}/me", rotated["access_token"]).status_code == 200
    assert ask(installation, "revoke", people.user.refresh).status_code == 200
    assert_problem(installation.refresh(rotated["refresh_token"]), 401)


@pytest.mark.parametrize("what", ["introspect", "revoke"])
def test_only_registered_clients_may_introspect_and_revoke(
    installation: Installation, people: People, what: str
) -> None:
    for credentials in (None, ("reports", "wrong"), ("nobody", CLIENT[1]), ("", "")):
        response = ask(installation, what, people.user.access, auth=credentials)
        assert_oauth_error(response, 401, "invalid_client")
        assert response.headers["www-authenticate"].startswith("Basic")
    assert installation.call("GET", f"{AUTH}/me", people.user.access).status_code == 200


@pytest.mark.parametrize("what", ["introspect", "revoke"])
def test_a_form_must_have_exactly_one_token(installation: Installation, people: People, what: str) -> None:
    access = people.user.access
    for form in ({"more": ""}, {"token": ""}, {"token": [access, access]}, {"Token": access}):
        assert_oauth_error(ask(installation, what, None, data=form), 400, "invalid_request")
    assert_problem(ask(installation, what, None, data=None, json={"token": access}), 400)
    assert_problem(ask(installation, what, "x" * 70_000), 413)
    hinted = {"token": access, "token_type_hint": "refresh_token"}
    assert ask(installation, what, None, data=hinted).status_code == 200


def test_a_standard_client_refreshes_at_the_token_endpoint(
    installation: Installation, people: People
) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": people.user.refresh}
    answer = installation.call("POST", f"{AUTH}/token", data=form)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["refresh_token"] != people.user.refresh
    again = installation.call("POST", f"{AUTH}/token", data=form | {"refresh_token": "dwr_x"})
    assert assert_oauth_error(again, 400, "invalid_grant")["code"] == "invalid_refresh_token"
    missing = installation.call("POST", f"{AUTH}/token", data={"grant_type": "refresh_token"})
    invalid = assert_oauth_error(missing, 400, "invalid_request")
    assert invalid["errors"][0]["pointer"] == "/refresh_token"
    other = installation.call("POST", f"{AUTH}/token", data={"grant_type": "device_code"})
    assert_oauth_error(other, 400, "unsupported_grant_type")
