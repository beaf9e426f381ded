"""Introspection and revocation by registered clients: their own tokens, and those of no one else."""

import base64
import json
import uuid

import httpx2
import pytest

from integration.harness.installation import AUTH, CLIENT, Installation
from integration.harness.people import People
from integration.harness.problems import assert_oauth_error, assert_problem
from integration.oidc.provider import ISSUER, SECRET, Client, live_sessions, register
from integration.oidc.test_machines import REPORTS, ask, machine

pytestmark = pytest.mark.databases("sqlite")

INACTIVE = {"active": False}


@pytest.fixture
def client_id(idp: Installation) -> uuid.UUID:
    return register(idp)


@pytest.fixture
def app(idp: Installation, client_id: uuid.UUID, people: People) -> Client:
    """A client of a user who is signed in."""
    del client_id
    client = Client(idp)
    client.sign_in(people.user)
    return client


def send(
    idp: Installation, endpoint: str, token: str, client: str | None, secret: str | None
) -> httpx2.Response:
    form = {"token": token, "client_id": client, "client_secret": secret}
    data = {name: value for name, value in form.items() if value is not None}
    return idp.call("POST", f"{AUTH}/{endpoint}", data=data)


def basic(client: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()}


def test_a_client_can_introspect_its_own_tokens(app: Client, idp: Installation, people: People) -> None:
    tokens = app.tokens(scope="openid email offline_access")
    access = send(idp, "introspect", tokens["access_token"], "app", SECRET)
    assert access.headers["cache-control"] == "no-store"
    body = access.json()
    assert body.keys() == {
        *(
            "active",
            "token_type",
            "iss",
            "aud",
            "client_id",
            "scope",
            "sub",
            "sid",
            "jti",
            "iat",
            "exp",
            "role",
        )
    }
    assert body["active"] is True
    assert (body["iss"], body["aud"], body["client_id"]) == (ISSUER, ISSUER, "app")
    assert (body["sub"], body["scope"]) == (people.user.id, "openid email offline_access")
    refresh = send(idp, "introspect", tokens["refresh_token"], "app", SECRET).json()
    assert (refresh["token_type"], refresh["client_id"], refresh["sid"]) == (
        "refresh_token",
        "app",
        body["sid"],
    )
    in_header = idp.call(
        "POST", f"{AUTH}/introspect", headers=basic("app", SECRET), data={"token": tokens["access_token"]}
    )
    assert in_header.json() == body


def test_a_client_can_neither_introspect_nor_revoke_other_tokens(
    app: Client, idp: Installation, client_id: uuid.UUID, people: People
) -> None:
    tokens = app.tokens(scope="openid offline_access")
    direct = idp.log_in(people.user.email, people.user.password)
    register(idp, "other")
    machine(idp)
    texts = (tokens["access_token"], tokens["refresh_token"], tokens["id_token"], "none")
    for name in ("other", "nightly"):
        for text in (*texts, direct.access, direct.refresh):
            assert send(idp, "introspect", text, name, SECRET).json() == INACTIVE
            assert send(idp, "revoke", text, name, SECRET).status_code == 200
    assert live_sessions(idp, client_id) == 1
    assert idp.call("GET", f"{AUTH}/me", direct.access).status_code == 200
    # Nor of what the user has without a client.
    assert send(idp, "introspect", direct.access, "app", SECRET).json() == INACTIVE
    assert send(idp, "introspect", tokens["id_token"], "app", SECRET).json() == INACTIVE
    send(idp, "revoke", direct.refresh, "app", SECRET)
    assert idp.refresh(direct.refresh).status_code == 200


def test_a_service_client_can_introspect_every_token(app: Client, idp: Installation) -> None:
    tokens = app.tokens()
    machine(idp)
    machines = ask(idp).json()["access_token"]
    for text, audience in ((tokens["access_token"], ISSUER), (machines, REPORTS)):
        response = idp.call("POST", f"{AUTH}/introspect", headers=basic(*CLIENT), data={"token": text})
        assert (response.json()["active"], response.json()["aud"]) == (True, audience)


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoking_either_token_ends_the_session(
    app: Client, idp: Installation, client_id: uuid.UUID, which: str
) -> None:
    tokens = app.tokens(scope="openid offline_access")
    assert send(idp, "revoke", tokens[which], "app", SECRET).status_code == 200
    assert live_sessions(idp, client_id) == 0
    assert_oauth_error(app.refresh(tokens["refresh_token"]), 400, "invalid_grant")
    assert send(idp, "introspect", tokens["access_token"], "app", SECRET).json() == INACTIVE
    assert_problem(idp.call("GET", f"{AUTH}/userinfo", tokens["access_token"]), 401)
    assert send(idp, "revoke", tokens[which], "app", SECRET).status_code == 200


def test_a_public_client_revokes_with_its_id_and_introspects_nothing(
    idp: Installation, people: People
) -> None:
    row_id = register(idp, "spa", kind="public")
    spa = Client(idp, "spa", secret=None)
    spa.sign_in(people.user)
    token = spa.tokens(scope="openid offline_access")["refresh_token"]
    assert_oauth_error(send(idp, "introspect", token, "spa", None), 401, "invalid_client")
    assert_oauth_error(send(idp, "revoke", token, "spa", SECRET), 401, "invalid_client")
    assert live_sessions(idp, row_id) == 1
    assert send(idp, "revoke", token, "spa", None).status_code == 200
    assert live_sessions(idp, row_id) == 0


def test_a_machines_token_is_revoked_alone(idp: Installation) -> None:
    machine(idp)
    first, second = (ask(idp).json()["access_token"] for _ in range(2))
    assert send(idp, "introspect", first, "nightly", SECRET).json()["role"] == "service"
    assert send(idp, "revoke", first, "nightly", SECRET).status_code == 200
    assert send(idp, "introspect", first, "nightly", SECRET).json() == INACTIVE
    assert send(idp, "introspect", second, "nightly", SECRET).json()["active"] is True
    assert ask(idp).status_code == 200


@pytest.mark.parametrize("endpoint", ["introspect", "revoke"])
def test_a_caller_without_client_credentials_learns_nothing(
    app: Client, idp: Installation, endpoint: str
) -> None:
    token = app.tokens()["access_token"]
    for client, secret in (
        (None, None),
        ("app", None),
        ("app", SECRET[::-1]),
        ("none", SECRET),
        ("none", None),
    ):
        assert_oauth_error(send(idp, endpoint, token, client, secret), 401, "invalid_client")
    assert_oauth_error(send(idp, endpoint, token, None, SECRET), 400, "invalid_request")
    own = idp.call("POST", f"{AUTH}/{endpoint}", token, data={"token": token})
    assert_oauth_error(own, 401, "invalid_client")
    both = {"token": token, "client_secret": SECRET}
    two = idp.call("POST", f"{AUTH}/{endpoint}", headers=basic("app", SECRET), data=both)
    assert_oauth_error(two, 400, "invalid_request")
    assert_oauth_error(send(idp, endpoint, "", "app", SECRET), 400, "invalid_request")
    assert json.loads(send(idp, "introspect", token, "app", SECRET).content)["active"] is True
