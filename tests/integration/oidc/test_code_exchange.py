"""The tokens of a code, the session that they are of, and how its client authenticates."""

import base64
import uuid
from datetime import UTC, datetime

import jwt
import pytest
import sqlalchemy as sa

from doorward_auth.oidc.signing import half_hash
from doorward_identity.tables import sessions
from integration.harness.installation import AUTH, USERS, Installation
from integration.harness.people import People
from integration.harness.problems import assert_oauth_error
from integration.oidc.provider import (
    ISSUER,
    REDIRECT,
    SECRET,
    VERIFIER,
    Client,
    claims_of,
    join_group,
    register,
)

pytestmark = pytest.mark.databases("sqlite")
REPORTS, BILLS = "https://reports.example.com", "https://bills.example.com"


def test_the_tokens_say_who_signed_in_where_when_and_how(app: Client, people: People) -> None:
    auth_time = datetime(2026, 11, 1, tzinfo=UTC)
    browser = app.sign_in(people.user, auth_time=auth_time)
    body = app.tokens(scope="openid profile email")
    assert body.keys() == {"access_token", "token_type", "expires_in", "refresh_token", "scope", "id_token"}
    assert (body["token_type"], body["scope"]) == ("Bearer", "openid profile email")
    assert body["refresh_token"].startswith("dwr_")
    assert jwt.get_unverified_header(body["id_token"]).keys() == {"alg", "kid", "typ"}
    claims = claims_of(app.installation, body["id_token"], "app")
    issued_at, expires_at = claims.pop("iat"), claims.pop("exp")
    assert expires_at == issued_at + 300
    assert claims == {
        "iss": ISSUER,
        "aud": "app",
        "sub": people.user.id,
        "sid": str(browser.id),
        "auth_time": int(auth_time.timestamp()),
        "acr": "aal1",
        "amr": ["pwd"],
        "nonce": "n-0S6",
        "at_hash": half_hash(body["access_token"]),
        "name": "User",
        "preferred_username": people.user.email,
        "email": people.user.email,
        "email_verified": True,
    }
    access = claims_of(app.installation, body["access_token"], ISSUER)
    assert jwt.get_unverified_header(body["access_token"])["typ"] == "at+jwt"
    assert (access["sub"], access["client_id"], access["role"]) == (people.user.id, "app", "user")
    assert access["scope"] == "openid profile email"
    # It is for userinfo alone.
    assert app.installation.call("GET", f"{USERS}/me", body["access_token"]).status_code == 401
    assert app.installation.call("GET", f"{AUTH}/me", body["access_token"]).status_code == 401


def test_what_an_upstream_says_is_in_tokens_for_doorward_alone(
    app: Client, idp: Installation, people: People
) -> None:
    idp.execute("UPDATE oauth_clients SET scopes = 'openid doorward offline_access'")
    app.sign_in(people.user, extensions={"plan": "gold"})
    tokens = app.tokens(scope="openid doorward offline_access")
    renewed = app.refresh(tokens["refresh_token"]).json()
    for access_token in (tokens["access_token"], renewed["access_token"]):
        assert jwt.decode(access_token, options={"verify_signature": False})["ext"] == {"plan": "gold"}
    assert "ext" not in claims_of(idp, tokens["id_token"], "app")
    others = app.tokens(scope="openid")
    assert "ext" not in claims_of(idp, others["access_token"], ISSUER)


@pytest.mark.parametrize("prompt", [None, "none"])
def test_a_level_that_is_not_there_is_no_error(app: Client, people: People, prompt: str | None) -> None:
    """`acr_values` is a wish (OpenID Connect Core section 3.1.2.1): the answer says what is there."""
    app.sign_in(people.user)
    body = app.tokens(acr_values="phr urn:example:gold aal2", prompt=prompt)
    assert claims_of(app.installation, body["id_token"], "app")["acr"] == "aal1"


def test_a_response_without_openid_has_no_id_token_and_without_a_nonce_no_nonce(
    app: Client, people: People
) -> None:
    app.sign_in(people.user)
    assert "id_token" not in app.tokens(scope="email")
    assert "scope" not in app.tokens(scope=None)
    assert "nonce" not in claims_of(app.installation, app.tokens(nonce=None)["id_token"], "app")


def test_a_minimal_id_token_is_signed_as_its_client_wants_it(idp: Installation, people: People) -> None:
    register(idp, id_token_claims="minimal", id_token_alg="ES256")
    app = Client(idp)
    app.sign_in(people.user)
    token = app.tokens(scope="openid profile email groups")["id_token"]
    assert jwt.get_unverified_header(token)["alg"] == "ES256"
    assert not claims_of(idp, token, "app").keys() & {"email", "name", "groups", "email_verified"}


def test_groups_are_in_both_tokens_with_their_scope(app: Client, people: People) -> None:
    app.sign_in(people.user)
    join_group(app.installation, people.user, "ops", "dev")
    body = app.tokens(scope="openid groups")
    assert claims_of(app.installation, body["id_token"], "app")["groups"] == ["dev", "ops"]
    assert claims_of(app.installation, body["access_token"], ISSUER)["groups"] == ["dev", "ops"]
    assert "groups" not in claims_of(app.installation, app.tokens()["id_token"], "app")


def test_both_tokens_say_that_there_are_more_than_fifty_groups(idp: Installation, people: People) -> None:
    register(idp, scopes="openid groups doorward")
    app = Client(idp)
    app.sign_in(people.user)
    join_group(idp, people.user, *(f"g{number:02}" for number in range(51)))
    for scope in ("openid groups", "openid groups doorward"):
        body = app.tokens(scope=scope)
        renewed = app.refresh(body["refresh_token"]).json()
        for token in (body["id_token"], body["access_token"], renewed["id_token"], renewed["access_token"]):
            claims = jwt.decode(token, options={"verify_signature": False})
            assert (len(claims["groups"]), claims["groups_overage"]) == (50, True)


def test_a_token_for_doorward_has_the_groups_with_their_scope(idp: Installation, people: People) -> None:
    register(idp, scopes="openid groups doorward")
    app = Client(idp)
    app.sign_in(people.user)
    join_group(idp, people.user, "ops")
    token = app.tokens(scope="groups doorward")["access_token"]
    assert jwt.decode(token, options={"verify_signature": False})["groups"] == ["ops"]
    assert idp.call("GET", f"{AUTH}/me", token).status_code == 200
    without = app.tokens(scope="openid doorward")["access_token"]
    assert "groups" not in jwt.decode(without, options={"verify_signature": False})
    # Names that would make the token too long for verifiers are left out.
    join_group(idp, people.user, *(f"{number:064}" for number in range(50)))
    long = app.tokens(scope="groups doorward")["access_token"]
    claims = jwt.decode(long, options={"verify_signature": False})
    assert ("groups" in claims, claims["groups_overage"]) == (False, True)
    assert idp.call("GET", f"{AUTH}/me", long).status_code == 200


def test_a_resource_is_the_audience(idp: Installation, people: People) -> None:
    register(idp, audiences=REPORTS)
    app = Client(idp)
    app.sign_in(people.admin)
    claims = claims_of(idp, app.tokens(resource=REPORTS)["access_token"], REPORTS)
    assert claims["role"] == "user", "Doorward's roles are not for others"


def test_a_resource_of_the_exchange_narrows_one_token(idp: Installation, people: People) -> None:
    register(idp, audiences=f"{REPORTS} {BILLS}")
    app = Client(idp)
    app.sign_in(people.user)
    code = app.code()
    for unregistered in ("https://unregistered.example", "app", ISSUER):
        assert_oauth_error(app.exchange(code, resource=unregistered), 400, "invalid_target")
    tokens = app.exchange(code, resource=REPORTS).json()
    assert claims_of(idp, tokens["access_token"], REPORTS)["aud"] == REPORTS
    refresh = tokens["refresh_token"]
    assert claims_of(idp, app.refresh(refresh).json()["access_token"], ISSUER)
    narrowed = app.refresh(refresh, resource=BILLS).json()["access_token"]
    assert claims_of(idp, narrowed, BILLS)["aud"] == BILLS
    for unregistered in ("https://unregistered.example", "app", ISSUER):
        assert_oauth_error(app.refresh(refresh, resource=unregistered), 400, "invalid_target")


def test_a_resource_of_the_exchange_widens_nothing(idp: Installation, people: People) -> None:
    register(idp, audiences=f"{REPORTS} {BILLS}")
    app = Client(idp)
    app.sign_in(people.user)
    code = app.code(resource=REPORTS)
    assert_oauth_error(app.exchange(code, resource=BILLS), 400, "invalid_target")
    tokens = app.exchange(code, resource=REPORTS).json()
    assert claims_of(idp, tokens["access_token"], REPORTS)
    assert_oauth_error(app.refresh(tokens["refresh_token"], resource=BILLS), 400, "invalid_target")
    assert claims_of(idp, app.refresh(tokens["refresh_token"]).json()["access_token"], REPORTS)


def test_a_first_party_client_gets_tokens_for_doorward(idp: Installation, people: People) -> None:
    register(idp, scopes="openid doorward", first_party=True)
    app = Client(idp)
    app.sign_in(people.admin)
    token = app.tokens(scope="openid doorward")["access_token"]
    idp.sync_revocations()
    assert idp.call("GET", USERS, token).status_code == 200
    assert idp.call("GET", f"{AUTH}/me", token).json()["role"] == "admin"
    assert idp.call("GET", f"{AUTH}/me", app.tokens(scope="openid")["access_token"]).status_code == 401


def test_another_clients_scope_of_that_name_gives_nothing(idp: Installation, people: People) -> None:
    register(idp, scopes="openid doorward", first_party=False)
    app = Client(idp)
    browser = app.sign_in(people.admin)
    assert browser is not None
    allow = sa.text("INSERT INTO consents SELECT :user, id, 'openid doorward', created_at FROM oauth_clients")
    idp.execute(allow, user=uuid.UUID(people.admin.id).bytes)
    token = app.tokens(scope="openid doorward")["access_token"]
    assert claims_of(idp, token, ISSUER)["role"] == "user"
    assert idp.call("GET", f"{AUTH}/me", token).status_code == 401


def test_a_session_ends_with_the_browsers_unless_it_is_offline(
    app: Client, installation: Installation, idp: Installation, people: People
) -> None:
    browser = app.sign_in(people.user)
    online, offline = app.tokens(), app.tokens(scope="openid offline_access")
    rows = idp.execute(
        sa.select(sessions.c.scope, sessions.c.absolute_expires_at).where(
            sessions.c.oauth_client_id.is_not(None)
        )
    )
    lifetimes = {scope: expires - datetime.now(UTC) for scope, expires in rows}
    assert round(lifetimes["openid email"].total_seconds() / 3600) == 24
    assert lifetimes["openid offline_access"].days == 89
    assert installation.call("DELETE", f"{AUTH}/sessions/{browser.id}", people.user.access).status_code == 204
    assert app.userinfo_status(online["access_token"]) == 401
    assert_oauth_error(app.refresh(online["refresh_token"]), 400, "invalid_grant")
    assert app.userinfo_status(offline["access_token"]) == 200
    assert app.refresh(offline["refresh_token"]).status_code == 200


def test_a_session_is_listed_under_its_clients_name_and_ended_by_its_user(
    app: Client, installation: Installation, people: People
) -> None:
    app.sign_in(people.user)
    tokens = app.tokens()
    listed = installation.call("GET", f"{AUTH}/sessions", people.user.access).json()["items"]
    [session] = [one for one in listed if one["kind"] == "client"]
    assert session["client"] == "App"
    where = f"{AUTH}/sessions/{session['id']}"
    assert installation.call("DELETE", where, people.user.access).status_code == 204
    assert app.userinfo_status(tokens["access_token"]) == 401


def test_a_client_authenticates_in_one_way(app: Client, people: People) -> None:
    app.sign_in(people.user)
    form = {
        "grant_type": "authorization_code",
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
        "client_id": None,
        "client_secret": None,
    }
    basic = "Basic " + base64.b64encode(f"app:{SECRET}".replace(" ", "+").encode()).decode()
    wrong = "Basic " + base64.b64encode(b"app:wrong").decode()
    with_basic = app.token_request({**form, "code": app.code()}, authorization=basic)
    assert with_basic.status_code == 200
    code = app.code()
    both = app.token_request({**form, "code": code, "client_secret": SECRET}, authorization=basic)
    assert_oauth_error(both, 400, "invalid_request")
    for response in (
        app.token_request({**form, "code": code}, authorization=wrong),
        app.token_request({**form, "code": code}),
        app.token_request({**form, "code": code, "client_id": "app"}),
        app.token_request({**form, "code": code, "client_id": "app", "client_secret": "wrong"}),
        app.token_request({**form, "code": code, "client_id": "unknown", "client_secret": SECRET}),
    ):
        assert_oauth_error(response, 401, "invalid_client")
        assert response.headers["www-authenticate"].startswith("Basic")
    assert app.exchange(code).status_code == 200, "nothing of it was spent"


def test_a_public_client_has_no_secret(idp: Installation, people: People) -> None:
    register(idp, "spa", kind="public")
    spa = Client(idp, "spa", secret=None)
    spa.sign_in(people.user)
    code = spa.code()
    assert_oauth_error(spa.exchange(code, client_secret="something"), 401, "invalid_client")
    assert spa.exchange(code).status_code == 200


@pytest.mark.parametrize("grant_type", ["password", "urn:doorward:grant:new-password"])
def test_a_registered_client_gets_no_tokens_for_a_password(
    app: Client, people: People, grant_type: str
) -> None:
    form = {"grant_type": grant_type, "username": people.user.email, "password": people.user.password}
    assert_oauth_error(app.token_request(form), 400, "unauthorized_client")
    assert_oauth_error(app.token_request({**form, "client_secret": "wrong"}), 401, "invalid_client")
    assert_oauth_error(app.token_request({"grant_type": "implicit"}), 400, "unsupported_grant_type")
    assert_oauth_error(app.token_request({}), 400, "invalid_request")
    # Libraries send some name where Doorward's own form needs none.
    own = app.token_request({**form, "client_id": "unregistered", "client_secret": None})
    assert own.status_code == (200 if grant_type == "password" else 400)
