"""Refresh tokens of registered clients: whose they are, which rotate, and what they narrow to."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from doorward_identity.tables import group_members, sessions
from integration.harness.installation import AUTH, Installation
from integration.harness.people import People
from integration.harness.problems import assert_oauth_error, assert_problem
from integration.oidc.provider import ISSUER, Client, claims_of, join_group, register

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def spa(idp: Installation) -> Client:
    register(idp, "spa", kind="public")
    return Client(idp, "spa", secret=None)


def test_a_confidential_clients_token_stays(app: Client, people: People) -> None:
    app.sign_in(people.user)
    first = app.tokens()["refresh_token"]
    for _ in range(3):
        response = app.refresh(first)
        assert response.status_code == 200
        assert response.json()["refresh_token"] == first
        assert response.headers["cache-control"] == "no-store"


def test_a_public_clients_token_rotates_and_its_reuse_ends_the_session(
    spa: Client, idp: Installation, people: People
) -> None:
    spa.sign_in(people.user)
    first = spa.tokens()["refresh_token"]
    second = spa.refresh(first).json()["refresh_token"]
    assert second != first
    assert spa.refresh(first).json()["refresh_token"] == second, "the answer may have been lost"
    assert spa.refresh(second).status_code == 200
    idp.execute(sessions.update().values(rotated_at=LONG_AGO))
    assert_oauth_error(spa.refresh(first), 400, "invalid_grant")
    assert_oauth_error(spa.refresh(second), 400, "invalid_grant")


def test_a_made_up_token_of_a_confidential_client_ends_nothing(app: Client, people: People) -> None:
    app.sign_in(people.user)
    token = app.tokens()["refresh_token"]
    assert_oauth_error(app.refresh(token[:-4] + "AAAA"), 400, "invalid_grant")
    assert app.refresh(token).status_code == 200


def test_a_token_is_of_its_client_alone_and_its_session_stays(
    app: Client, spa: Client, idp: Installation, people: People
) -> None:
    other = Client(idp, "other")
    register(idp, "other")
    spa.sign_in(people.user)
    app.token = spa.token
    tokens = {client.client_id: client.tokens()["refresh_token"] for client in (app, spa)}
    for client, token in ((other, tokens["app"]), (app, tokens["spa"]), (spa, tokens["app"])):
        assert_oauth_error(client.refresh(token), 400, "invalid_grant")
    # Nor where no client authenticates.
    for token in tokens.values():
        json = idp.refresh(token)
        assert_problem(json, 401, "invalid_refresh_token")
        form = {"grant_type": "refresh_token", "refresh_token": token}
        for path in ("token", "refresh-token"):
            assert_oauth_error(idp.call("POST", f"{AUTH}/{path}", data=form), 400, "invalid_grant")
    for client in (app, spa):
        assert client.refresh(tokens[client.client_id]).status_code == 200
    # The other way round: a session of Doorward's own.
    assert_oauth_error(app.refresh(people.user.refresh), 400, "invalid_grant")
    assert idp.refresh(people.user.refresh).status_code == 200


def test_it_needs_the_clients_secret(app: Client, people: People) -> None:
    app.sign_in(people.user)
    token = app.tokens()["refresh_token"]
    for secret in (None, "wrong"):
        assert_oauth_error(app.refresh(token, client_secret=secret), 401, "invalid_client")
    assert app.refresh(token).status_code == 200


def test_a_refreshed_id_token_has_the_old_auth_time_and_no_nonce(
    app: Client, idp: Installation, people: People
) -> None:
    browser = app.sign_in(people.user, auth_time=LONG_AGO)
    first = app.tokens()
    second = app.refresh(first["refresh_token"]).json()
    old, new = (claims_of(idp, one["id_token"], "app") for one in (first, second))
    assert "nonce" in old
    assert "nonce" not in new
    assert new["auth_time"] == old["auth_time"] == int(LONG_AGO.timestamp())
    assert new["sub"] == old["sub"] == people.user.id
    assert new["sid"] == old["sid"] == str(browser.id)
    assert new["at_hash"] != old["at_hash"]


def test_a_scope_narrows_one_pair_and_never_widens(app: Client, idp: Installation, people: People) -> None:
    app.sign_in(people.user)
    token = app.tokens(scope="openid email profile")["refresh_token"]
    narrow = app.refresh(token, scope="openid")
    assert narrow.json()["scope"] == "openid"
    assert claims_of(idp, narrow.json()["access_token"], ISSUER)["scope"] == "openid"
    assert "email" not in claims_of(idp, narrow.json()["id_token"], "app")
    assert "id_token" not in app.refresh(token, scope="email").json()
    assert app.refresh(token).json()["scope"] == "openid email profile"
    for scope in ("openid groups", "offline_access", '"'):
        assert_oauth_error(app.refresh(token, scope=scope), 400, "invalid_scope")
    # What the client may not ask for any more is gone.
    idp.execute("UPDATE oauth_clients SET scopes = 'openid'")
    assert app.refresh(token).json()["scope"] == "openid"


def test_a_use_extends_the_session_within_its_absolute_lifetime(
    app: Client, idp: Installation, people: People
) -> None:
    app.sign_in(people.user)
    token = app.tokens()["refresh_token"]
    idp.execute("UPDATE sessions SET last_used_at = created_at, idle_expires_at = absolute_expires_at")
    assert app.refresh(token).status_code == 200
    of_client = sessions.c.oauth_client_id.is_not(None)
    names = ("last_used_at", "created_at", "idle_expires_at", "absolute_expires_at")
    columns = [sessions.c[name] for name in names]
    [(used, created, idle, absolute)] = idp.execute(sa.select(*columns).where(of_client))
    assert used > created
    assert idle == absolute
    idp.execute(sessions.update().where(of_client).values(absolute_expires_at=LONG_AGO))
    assert_oauth_error(app.refresh(token), 400, "invalid_grant")


def test_who_lost_the_group_gets_no_more_tokens(idp: Installation, people: People) -> None:
    register(idp, allowed_groups="ops")
    app = Client(idp)
    join_group(idp, people.user, "ops")
    app.sign_in(people.user)
    token = app.tokens()["refresh_token"]
    assert app.refresh(token).status_code == 200
    idp.execute(group_members.delete())
    assert_oauth_error(app.refresh(token), 400, "invalid_grant")


@pytest.mark.parametrize("change", [{"status": "disabled"}, {"password": "somebody else has it"}])
def test_a_change_of_the_account_ends_the_session(
    app: Client, installation: Installation, people: People, change: dict[str, str]
) -> None:
    app.sign_in(people.user)
    token = app.tokens(scope="openid offline_access")["refresh_token"]
    assert installation.call("PATCH", people.user.path, people.admin.access, json=change).status_code == 200
    assert_oauth_error(app.refresh(token), 400, "invalid_grant")


def test_a_disabled_client_gets_no_more_tokens(app: Client, idp: Installation, people: People) -> None:
    app.sign_in(people.user)
    token = app.tokens()["refresh_token"]
    idp.execute("UPDATE oauth_clients SET disabled_at = created_at")
    assert_oauth_error(app.refresh(token), 401, "invalid_client")


def test_a_session_of_older_credentials_gets_no_more_tokens(
    app: Client, idp: Installation, people: People
) -> None:
    """One that opened on another database node, at the moment of a change of the password."""
    app.sign_in(people.user)
    tokens = app.tokens()
    idp.execute(sessions.update().where(sessions.c.oauth_client_id.is_not(None)).values(auth_version=99))
    assert_oauth_error(app.refresh(tokens["refresh_token"]), 400, "invalid_grant")
