"""A client that is changed while its codes and sessions live: token requests go by what it is then."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest
import sqlalchemy as sa

from doorward_identity.tables import group_members, oauth_clients, sessions
from integration.harness.installation import AUTH, Installation
from integration.harness.people import People
from integration.harness.problems import assert_oauth_error
from integration.oidc.provider import (
    ISSUER,
    REDIRECT,
    Client,
    allow,
    claims_of,
    join_group,
    live_sessions,
    register,
)

pytestmark = pytest.mark.databases("sqlite")

REPORTS, BILLS = "https://reports.example.com", "https://bills.example.com"
FULL: Final = "openid email groups doorward"


@dataclass
class Application:
    """A client with a browser that is signed in, which an administrator changes."""

    client: Client
    row_id: uuid.UUID
    installation: Installation
    people: People

    def change(self, **members: Any) -> None:
        path, admin = f"{AUTH}/clients/{self.row_id}", self.people.admin.access
        response = self.installation.call("PATCH", path, admin, json=members)
        assert response.status_code == 200, response.text

    def delete(self) -> None:
        path, admin = f"{AUTH}/clients/{self.row_id}", self.people.admin.access
        assert self.installation.call("DELETE", path, admin).status_code == 204

    def rejected(self, code: str, refresh_token: str, error: str = "invalid_grant") -> None:
        """Check that neither a code nor a refresh token gets anything."""
        status = 401 if error == "invalid_client" else 400
        for response in (self.client.exchange(code), self.client.refresh(refresh_token)):
            assert_oauth_error(response, status, error)


Begin = Callable[..., Application]


@pytest.fixture
def begin(idp: Installation, installation: Installation, people: People) -> Begin:
    """Register a client; a user signs in, and consents to a third party."""

    def begun(**members: Any) -> Application:
        row_id = register(idp, **members)
        client = Client(idp, secret=None) if members.get("kind") == "public" else Client(idp)
        client.sign_in(people.user)
        if members.get("first_party") is False:
            allow(client)
        return Application(client, row_id, installation, people)

    return begun


def test_a_resource_taken_from_a_client_gets_no_tokens(begin: Begin, idp: Installation) -> None:
    app = begin(audiences=f"{REPORTS} {BILLS}")
    refresh_token = app.client.tokens(resource=REPORTS)["refresh_token"]
    unnamed = app.client.tokens()["refresh_token"]
    code = app.client.code(resource=REPORTS)
    app.change(audiences=[BILLS])
    app.rejected(code, refresh_token)
    # Another resource of the client is none of this session's.
    for response in (
        app.client.exchange(code, resource=BILLS),
        app.client.refresh(refresh_token, resource=BILLS),
    ):
        assert_oauth_error(response, 400, "invalid_grant")
    # A session that named none keeps what it has, and gets none of the taken one.
    assert_oauth_error(app.client.refresh(unnamed, resource=REPORTS), 400, "invalid_target")
    assert claims_of(idp, app.client.refresh(unnamed, resource=BILLS).json()["access_token"], BILLS)
    assert claims_of(idp, app.client.refresh(unnamed).json()["access_token"], ISSUER)
    # Nothing of it was ended: a mistake is mended by giving the resource back.
    app.change(audiences=[REPORTS])
    assert claims_of(idp, app.client.refresh(refresh_token).json()["access_token"], REPORTS)
    assert app.client.exchange(code).status_code == 200


def test_a_client_that_is_first_party_no_more_gets_no_tokens_for_doorward(begin: Begin) -> None:
    app = begin(scopes=FULL, audiences="doorward")
    by_scope = app.client.tokens(scope="openid doorward")["refresh_token"]
    by_name = app.client.tokens(scope="openid", resource="doorward")["refresh_token"]
    code = app.client.code(scope="openid", resource="doorward")
    app.change(first_party=False, scopes=["openid", "email"], audiences=[])
    app.rejected(code, by_scope)
    # Neither does the user's consent to a third party bring them back.
    allow(app.client, scope="openid")
    app.rejected(code, by_name)
    assert_oauth_error(app.client.refresh(by_scope), 400, "invalid_grant")


def test_a_first_party_client_without_the_scope_gets_no_tokens_for_doorward(begin: Begin) -> None:
    app = begin(scopes=FULL)
    refresh_token = app.client.tokens(scope="openid doorward")["refresh_token"]
    app.change(scopes=["openid", "email"])
    assert_oauth_error(app.client.refresh(refresh_token), 400, "invalid_grant")


def test_doorwards_own_audience_is_for_first_party_clients_alone(begin: Begin, idp: Installation) -> None:
    """Its resource became Doorward's own audience by a change of the setting."""
    app = begin(first_party=False)
    refresh_token = app.client.tokens()["refresh_token"]
    code = app.client.code()
    idp.execute(oauth_clients.update().values(audiences="doorward"))
    for response in (
        app.client.exchange(code, resource="doorward"),
        app.client.refresh(refresh_token, resource="doorward"),
    ):
        assert_oauth_error(response, 400, "invalid_target")


def test_users_of_a_client_that_became_a_third_party_consent_first(begin: Begin, idp: Installation) -> None:
    app = begin()
    refresh_token, code = app.client.tokens()["refresh_token"], app.client.code()
    app.change(first_party=False)
    app.rejected(code, refresh_token)
    allow(app.client, scope="openid")
    # A consent to less leaves less.
    assert app.client.refresh(refresh_token).json()["scope"] == "openid"
    exchanged = app.client.exchange(code).json()
    assert exchanged["scope"] == "openid"
    assert "email" not in claims_of(idp, exchanged["id_token"], "app")


def test_a_withdrawn_consent_voids_the_code(begin: Begin) -> None:
    app = begin(first_party=False)
    code = app.client.code()
    where = f"{AUTH}/consents/app"
    assert app.installation.call("DELETE", where, app.people.user.access).status_code == 204
    assert_oauth_error(app.client.exchange(code), 400, "invalid_grant")
    assert live_sessions(app.installation, app.row_id) == 0


def test_scopes_taken_from_a_client_are_in_no_token_of_a_code(begin: Begin, idp: Installation) -> None:
    app = begin(scopes=FULL)
    code, doorward = app.client.code(), app.client.code(scope="openid doorward")
    offline = app.client.code(scope="openid email")
    app.change(scopes=["openid"])
    tokens = app.client.exchange(code).json()
    assert tokens["scope"] == "openid"
    assert "email" not in claims_of(idp, tokens["id_token"], "app")
    stored = idp.execute(sa.select(sessions.c.scope).where(sessions.c.oauth_client_id == app.row_id))
    assert stored == [("openid",)], "and a scope that comes back is not the session's"
    # Without its scope, it is a code for the issuer alone.
    assert claims_of(idp, app.client.exchange(doorward).json()["access_token"], ISSUER)
    app.change(scopes=["email"])
    left = app.client.exchange(offline).json()
    assert (left["scope"], left.get("id_token")) == ("email", None)


@pytest.mark.parametrize("loses", ["the membership", "the group"])
def test_a_user_outside_the_groups_gets_no_tokens_for_a_code(
    begin: Begin, idp: Installation, people: People, loses: str
) -> None:
    join_group(idp, people.user, "ops")
    app = begin(allowed_groups="ops")
    refresh_token, code = app.client.tokens()["refresh_token"], app.client.code()
    if loses == "the membership":
        idp.execute(group_members.delete())
    else:
        app.change(allowed_groups=["dev"])
    app.rejected(code, refresh_token)
    assert live_sessions(idp, app.row_id) == 1


def test_a_code_for_a_redirect_uri_that_was_removed_is_void(begin: Begin) -> None:
    app = begin()
    code = app.client.code()
    app.change(redirect_uris=["https://app.example.com/other"])
    assert_oauth_error(app.client.exchange(code), 400, "invalid_grant")
    app.change(redirect_uris=[REDIRECT])
    assert app.client.exchange(code).status_code == 200


def test_the_port_of_a_program_on_a_users_machine_is_no_other_uri(begin: Begin) -> None:
    app = begin(kind="public", redirect_uris="http://127.0.0.1/callback")
    uri = "http://127.0.0.1:49152/callback"
    location = app.client.authorize(redirect_uri=uri).headers["location"]
    code = location.partition("code=")[2].partition("&")[0]
    assert app.client.exchange(code, redirect_uri=uri).status_code == 200


def test_a_disabled_and_a_deleted_client_get_nothing(begin: Begin) -> None:
    app = begin()
    refresh_token, code = app.client.tokens()["refresh_token"], app.client.code()
    app.change(disabled=True)
    app.rejected(code, refresh_token, "invalid_client")
    assert live_sessions(app.installation, app.row_id) == 0
    app.change(disabled=False)
    assert_oauth_error(app.client.refresh(refresh_token), 400, "invalid_grant")
    app.delete()
    assert_oauth_error(app.client.exchange(code), 401, "invalid_client")
    # Doorward's own clients, which are not registered, refresh too.
    assert_oauth_error(app.client.refresh(refresh_token), 400, "invalid_grant")


@pytest.mark.parametrize("kind", ["public", "confidential", "machine"])
def test_the_kind_of_a_client_stays(begin: Begin, kind: str) -> None:
    """Otherwise codes and sessions of a client with a secret could be used without the secret."""
    app = begin()
    path = f"{AUTH}/clients/{app.row_id}"
    response = app.installation.call("PATCH", path, app.people.admin.access, json={"kind": kind})
    assert response.status_code == 422
