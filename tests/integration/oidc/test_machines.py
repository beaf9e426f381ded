"""Machines: programs that get tokens for themselves (client_credentials)."""

import base64
import uuid
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from doorward_client.tokens import InvalidTokenError
from doorward_identity.tables import oauth_clients, sessions
from integration.harness.installation import AUTH, USERS, Installation
from integration.harness.people import People
from integration.harness.problems import assert_oauth_error, assert_rejected
from integration.oidc.provider import ISSUER, SECRET, claims_of, register

pytestmark = pytest.mark.databases("sqlite")

REPORTS, BILLING = "https://reports.example.com", "https://billing.example.com"


def ask(idp: Installation, **form: str) -> httpx2.Response:
    client = {"client_id": "nightly", "client_secret": SECRET}
    return idp.call("POST", f"{AUTH}/token", data={"grant_type": "client_credentials", **client, **form})


def machine(idp: Installation, **changed: Any) -> uuid.UUID:
    members: dict[str, Any] = {"kind": "machine", "first_party": False, "redirect_uris": ""}
    members["scopes"] = "reports:read reports:write"
    return register(idp, "nightly", **{**members, "audiences": REPORTS, **changed})


def test_a_machine_gets_a_token_for_its_resource(idp: Installation) -> None:
    row_id = machine(idp)
    response = ask(idp)
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert body.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 300)
    claims = claims_of(idp, body["access_token"], REPORTS)
    assert claims.keys() == {
        *("iss", "aud", "sub", "sid", "jti", "iat", "exp", "client_id", "scope", "role", "token_version")
    }
    assert (claims["sub"], claims["client_id"], claims["role"]) == (str(row_id), "nightly", "service")
    assert claims["scope"] == body["scope"] == "reports:read reports:write"
    assert idp.execute(sa.select(sessions.c.id).where(sessions.c.oauth_client_id == row_id)) == []


def test_it_may_ask_for_less(idp: Installation) -> None:
    machine(idp)
    body = ask(idp, scope="reports:read").json()
    assert body["scope"] == claims_of(idp, body["access_token"], REPORTS)["scope"] == "reports:read"
    for scope in ("openid", "reports:read users:write", "reports:read  reports:write", '"', " "):
        assert_oauth_error(ask(idp, scope=scope), 400, "invalid_scope")


@pytest.mark.parametrize(
    ("audiences", "resource", "audience"),
    [
        ("", None, ISSUER),
        (REPORTS, None, REPORTS),
        (REPORTS, REPORTS, REPORTS),
        (f"{REPORTS} {BILLING}", BILLING, BILLING),
        (f"{REPORTS} {BILLING}", None, None),
        (REPORTS, BILLING, None),
        (REPORTS, f"{REPORTS}/", None),
        (REPORTS, ISSUER, None),
        (REPORTS, "doorward", None),
        ("", REPORTS, None),
    ],
)
def test_a_token_is_for_one_resource_of_its_own(
    idp: Installation, audiences: str, resource: str | None, audience: str | None
) -> None:
    machine(idp, audiences=audiences)
    response = ask(idp, **({} if resource is None else {"resource": resource}))
    if audience is None:
        assert_oauth_error(response, 400, "invalid_target")
    else:
        claims_of(idp, response.json()["access_token"], audience)


def test_the_secret_is_taken_in_one_place(idp: Installation) -> None:
    machine(idp)
    form = {"grant_type": "client_credentials"}
    encoded = base64.b64encode(f"nightly:{SECRET}".encode()).decode()
    basic = {"Authorization": f"Basic {encoded}"}
    assert idp.call("POST", f"{AUTH}/token", data=form, headers=basic).status_code == 200
    both = {**form, "client_id": "nightly", "client_secret": SECRET}
    assert_oauth_error(idp.call("POST", f"{AUTH}/token", data=both, headers=basic), 400, "invalid_request")
    assert_oauth_error(idp.call("POST", f"{AUTH}/token", data=form), 401, "invalid_client")
    wrong = ask(idp, client_secret=SECRET[::-1])
    assert_oauth_error(wrong, 401, "invalid_client")
    assert wrong.headers["www-authenticate"].startswith("Basic ")
    assert_oauth_error(ask(idp, client_id="none"), 401, "invalid_client")


@pytest.mark.parametrize("kind", ["public", "confidential"])
def test_other_kinds_have_no_such_grant_and_a_machine_no_other(idp: Installation, kind: str) -> None:
    register(idp, "app", kind=kind)
    secret = {} if kind == "public" else {"client_secret": SECRET}
    form = {"grant_type": "client_credentials", "client_id": "app", **secret}
    assert_oauth_error(idp.call("POST", f"{AUTH}/token", data=form), 400, "unauthorized_client")
    machine(idp)
    for grant_type in ("password", "authorization_code", "refresh_token", "urn:doorward:grant:email-code"):
        assert_oauth_error(ask(idp, grant_type=grant_type), 400, "unauthorized_client")


def test_a_machines_token_opens_nothing_of_doorward(idp: Installation) -> None:
    machine(idp, audiences="")
    token = ask(idp).json()["access_token"]
    for path in (f"{AUTH}/me", f"{AUTH}/sessions", f"{USERS}/me", f"{AUTH}/userinfo", f"{AUTH}/clients"):
        assert_rejected(idp.call("GET", path, token), 401, 403)


def verified(idp: Installation, token: str) -> str:
    state = idp.auth_app.state
    verifier = state.services.provider.verifier(REPORTS, state.resources.verification.revocations)
    try:
        return str(verifier.verify(token).user_id)
    except InvalidTokenError as error:
        return error.reason


@pytest.mark.parametrize("act", ["disable", "delete"])
def test_the_tokens_of_a_machine_end_with_it(idp: Installation, people: People, act: str) -> None:
    row_id = machine(idp)
    token = ask(idp).json()["access_token"]
    assert verified(idp, token) == str(row_id)
    path = f"{AUTH}/clients/{row_id}"
    admin = idp.log_in(people.admin.email, people.admin.password).access
    if act == "disable":
        assert idp.call("PATCH", path, admin, json={"disabled": True}).status_code == 200
    else:
        assert idp.call("DELETE", path, admin).status_code == 204
    assert verified(idp, token) == "revoked"
    assert_oauth_error(ask(idp), 401, "invalid_client")
    if act == "disable":
        idp.call("PATCH", path, admin, json={"disabled": False})
        assert verified(idp, ask(idp).json()["access_token"]) == str(row_id)
        assert verified(idp, token) == "revoked"


def test_without_the_provider_there_are_no_machines(installation: Installation) -> None:
    machine(installation)
    assert_oauth_error(ask(installation), 400, "unsupported_grant_type")
    installation.execute(oauth_clients.delete())
