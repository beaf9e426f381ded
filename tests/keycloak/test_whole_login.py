"""A login at a real Keycloak through the auth service, from the client's first request to the unlinking."""

import asyncio
import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx2
import pytest
import sqlalchemy as sa

from doorward_identity.tables import upstream_grants, users
from doorward_kit.column_types import utc_now
from integration.harness.deployment import wait_until
from integration.harness.installation import AUTH, USERS, Installation
from integration.harness.people import bootstrap, sign_in
from integration.harness.problems import assert_problem
from integration.upstream.installation import UPSTREAM, installed_with
from keycloak.server import PUBLIC_URL, Keycloak, log_in

CLIENT_URL: Final = "https://app.example.com/callback"
VERIFIER: Final = "v" * 43
CHALLENGE: Final = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@dataclass(frozen=True)
class Client:
    """An application, and the browser of its user."""

    api: Installation
    keycloak: Keycloak

    def code(self) -> str:
        """Log in at Keycloak's pages; return the one-time code that the browser brings."""
        body = {"redirect_uri": CLIENT_URL, "code_challenge": CHALLENGE, "state": "mine"}
        begun = self.api.call("POST", f"{UPSTREAM}/kc/authorization", json=body)
        assert begun.status_code == 201, begun.text
        returned = asyncio.run(log_in(begun.json()["authorization_url"]))
        answer = self.api.call("GET", f"{UPSTREAM}/kc/callback", params=returned, follow_redirects=False)
        assert answer.status_code == 303, answer.text
        location = httpx2.URL(answer.headers["location"])
        assert str(location).startswith(CLIENT_URL + "?")
        assert location.params["state"] == "mine"
        return str(location.params["code"])

    def redeem(self, code: str) -> httpx2.Response:
        return self.api.call("POST", f"{UPSTREAM}/kc/token", json={"code": code, "code_verifier": VERIFIER})

    def upstream_token(self, access: str) -> str:
        answer = self.api.call("GET", f"{UPSTREAM}/kc/token", access)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def wait_for(self, generation: int) -> None:
        """Wait until the background has stored the tokens of a refresh."""
        stored = sa.select(upstream_grants.c.generation)
        wait_until(lambda: self.api.execute(stored) == [(generation,)], f"generation {generation}")

    def is_accepted(self, upstream_token: str) -> bool:
        """Ask Keycloak whether a token of its own is valid."""
        url = f"{self.keycloak.issuer}/protocol/openid-connect/userinfo"
        headers = {"Authorization": f"Bearer {upstream_token}"}
        return httpx2.get(url, headers=headers, timeout=60).status_code == 200


@pytest.fixture(scope="module")
def running(keycloak: Keycloak, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("whole-login")
    settings = {**keycloak.upstream_settings(folder), "redirect_uris": [CLIENT_URL]}
    with installed_with(folder, {"kc": settings}, public_url=PUBLIC_URL) as api:
        yield Client(api, keycloak)


@pytest.fixture
def client(running: Client) -> Client:
    running.api.wipe()
    return running


def test_a_login_gives_a_session_here_and_a_valid_token_there(client: Client) -> None:
    code = client.code()
    pair = client.redeem(code).json()
    me = client.api.call("GET", f"{USERS}/me", pair["access_token"]).json()
    assert (me["email"], me["email_verified"], me["name"], me["role"]) == (
        "ada@example.com",
        True,
        "Ada Lovelace",
        "auditor",
    )
    caller: dict[str, Any] = client.api.call("GET", f"{AUTH}/me", pair["access_token"]).json()
    assert caller["ext"] == {"family_name": "Lovelace"}
    assert client.is_accepted(client.upstream_token(pair["access_token"]))
    assert_problem(client.redeem(code), 401, "invalid_authorization_code")
    again = client.redeem(client.code()).json()
    assert client.api.call("GET", f"{USERS}/me", again["access_token"]).json()["id"] == me["id"]
    assert len(client.api.execute(sa.select(users.c.id))) == 1


def test_the_background_replaces_the_tokens(client: Client) -> None:
    """Keycloak uses each refresh token once, so the second refresh needs what the first one stored."""
    pair = client.redeem(client.code()).json()
    seen = {client.upstream_token(pair["access_token"])}
    for generation in (2, 3):
        client.api.execute(upstream_grants.update().values(due_at=utc_now(-1)))
        client.wait_for(generation)
        token = client.upstream_token(pair["access_token"])
        assert token not in seen
        assert client.is_accepted(token)
        seen.add(token)


def test_unlinking_revokes_the_tokens_at_keycloak(client: Client) -> None:
    bootstrap(client.api, "admin@example.com")
    admin = sign_in(client.api, "admin@example.com")
    body = {"code": client.code(), "code_verifier": VERIFIER}
    assert client.api.call("POST", f"{UPSTREAM}/kc/link", admin.access, json=body).status_code == 204
    token = client.upstream_token(admin.access)
    assert client.is_accepted(token)
    stolen = client.redeem(client.code()).json()
    assert client.api.call("GET", f"{USERS}/me", stolen["access_token"]).json()["id"] == admin.id
    assert client.api.call("DELETE", f"{UPSTREAM}/kc", admin.access).status_code == 204
    wait_until(lambda: not client.is_accepted(token), "revoked")
    assert client.api.refresh(stolen["refresh_token"]).status_code == 401
    gone = client.api.call("GET", f"{UPSTREAM}/kc/token", admin.access)
    assert_problem(gone, 404, "upstream_not_linked")


def test_the_only_way_in_stays(client: Client) -> None:
    pair = client.redeem(client.code()).json()
    rejected = client.api.call("DELETE", f"{UPSTREAM}/kc", pair["access_token"])
    assert_problem(rejected, 409, "only_sign_in")
    assert client.is_accepted(client.upstream_token(pair["access_token"]))
