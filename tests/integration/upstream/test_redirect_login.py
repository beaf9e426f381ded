"""A login at an OpenID provider's own pages, from the API client's first request to its token pair."""

import json
import time
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from structlog.testing import capture_logs

from doorward_auth.main import create_app
from doorward_client.settings import SettingsError
from doorward_identity.mail_types import MailName, enqueue_mail
from doorward_identity.tables import metadata, outbox, sessions, upstream_authorizations, users
from integration.harness.installation import USERS, auth_settings
from integration.harness.people import bootstrap, sign_in
from integration.harness.problems import assert_problem
from integration.upstream.installation import UPSTREAM
from integration.upstream.redirect_client import (
    CHALLENGE,
    PUBLIC_URL,
    VERIFIER,
    Client,
    query_of,
)

pytestmark = pytest.mark.databases("sqlite")

UNAVAILABLE = {"error": "temporarily_unavailable"}
MISCONFIGURED = {**UNAVAILABLE, "error_description": "upstream_misconfigured"}
OUR_REQUEST = [
    "application_suspended",
    "invalid_client",
    "invalid_request_object",
    "invalid_resource",
    "invalid_scope",
    "invalid_target",
    "redirect_uri_mismatch",
    "request_not_supported",
    "unauthorized_client",
    "unauthorized_scope_error",
    "unsupported_response_type",
]
"""Errors about our client and what it asks for."""


@pytest.fixture
def client(running_client: Client) -> Client:
    running_client.api.wipe()
    running_client.provider.claims = {"team": "blue"}
    return running_client


def callbacks(client: Client, outcome: str) -> float:
    """Count the browsers that have returned with an error."""
    registry = client.api.auth_app.state.resources.metrics.registry
    labels = {"provider": "kc", "request": "callback", "outcome": outcome}
    count: float = registry.get_sample_value("doorward_upstream_requests_total", labels)
    return count


def test_a_login_ends_with_a_token_pair_and_a_verified_account(client: Client) -> None:
    begun = client.begin().json()
    url = httpx2.URL(begun["authorization_url"])
    assert url.params["redirect_uri"] == f"{PUBLIC_URL}/api/v1/auth/upstream/kc/callback"
    assert url.params["code_challenge_method"] == "S256"
    assert url.params["code_challenge"] != CHALLENGE, "the upstream's verifier is ours"
    returned = query_of(client.browse())
    assert returned["state"] == "mine"
    pair = client.redeem(returned["code"]).json()
    me = client.api.call("GET", f"{USERS}/me", pair["access_token"]).json()
    assert (me["email"], me["email_verified"], me["name"], me["role"]) == (
        "ada@example.com",
        True,
        "Ada",
        "user",
    )
    caller = client.api.call("GET", "/api/v1/auth/me", pair["access_token"]).json()
    assert caller["ext"] == {"team": "blue"}
    again = client.redeem(client.code()).json()
    assert client.api.call("GET", f"{USERS}/me", again["access_token"]).json()["id"] == me["id"]


def test_a_group_gives_a_role_where_the_settings_say_so(client: Client) -> None:
    client.provider.claims = {"groups": ["auditors"]}
    pair = client.redeem(client.code()).json()
    assert client.api.call("GET", f"{USERS}/me", pair["access_token"]).json()["role"] == "auditor"


def test_a_user_without_an_address_has_null_and_gets_no_mail(client: Client) -> None:
    client.provider.claims = {"email": None, "email_verified": None}
    pair = client.redeem(client.code()).json()
    me = client.api.call("GET", f"{USERS}/me", pair["access_token"]).json()
    assert (me["email"], me["email_verified"]) == (None, False)
    with client.api.engine.begin() as connection:
        enqueue_mail(connection, MailName.UPSTREAM_LINKED, "", user_id=me["id"], provider="kc")
    [(recipient,)] = client.api.execute(sa.select(outbox.c.recipient))
    assert recipient is None


def test_a_verified_address_of_another_account_does_not_open_it(client: Client) -> None:
    bootstrap(client.api, "ada@example.com")
    owner = sign_in(client.api, "ada@example.com")
    pair = client.redeem(client.code()).json()
    me = client.api.call("GET", f"{USERS}/me", pair["access_token"]).json()
    assert me["id"] != owner.id
    assert me["email_verified"] is False


def test_a_code_is_for_one_attempt_and_for_who_began(client: Client) -> None:
    code = client.code()
    assert_problem(client.redeem(code, "w" * 43), 401, "invalid_authorization_code")
    assert_problem(client.redeem(code), 401, "invalid_authorization_code")
    code = client.code()
    assert client.redeem(code).status_code == 200
    assert_problem(client.redeem(code), 401, "invalid_authorization_code")
    for wrong in ("x", "dwx_" + "A" * 64, code[:-1]):
        assert_problem(client.redeem(wrong), 401, "invalid_authorization_code")


def test_a_state_returns_once(client: Client) -> None:
    url = httpx2.URL(client.begin().json()["authorization_url"])
    client.provider.nonce = url.params["nonce"]
    returned = {"state": url.params["state"], "code": "upstream-code"}
    first = client.api.call("GET", f"{UPSTREAM}/kc/callback", params=returned, follow_redirects=False)
    assert "code" in query_of(first)
    for parameters in (returned, {"state": "unknown", "code": "x"}, {"code": "x"}, {}):
        again = client.api.call("GET", f"{UPSTREAM}/kc/callback", params=parameters, follow_redirects=False)
        assert_problem(again, 400, "invalid_authorization")


@pytest.mark.parametrize(
    ("returned", "error"),
    [
        ({"error": "access_denied"}, "access_denied"),
        ({"iss": "https://attacker.example"}, "access_denied"),
    ],
)
def test_a_rejected_login_returns_to_the_client(client: Client, returned: dict[str, str], error: str) -> None:
    assert query_of(client.browse(**returned))["error"] == error


@pytest.mark.parametrize(
    ("error", "told", "level", "logged"),
    [
        ("access_denied", {"error": "access_denied"}, "info", "access_denied"),
        ("login_required", {"error": "access_denied"}, "info", "login_required"),
        ("server_error", {**UNAVAILABLE, "error_description": "upstream_failed"}, "warning", "server_error"),
        *((name, MISCONFIGURED, "warning", name) for name in OUR_REQUEST),
        ("invalid_scope<b>", {"error": "access_denied"}, "info", None),
        ("<b>forged</b>", {"error": "access_denied"}, "info", None),
    ],
)
def test_an_error_of_the_upstream_is_logged_and_is_not_all_the_users(
    client: Client, error: str, told: dict[str, str], level: str, logged: str | None
) -> None:
    """A scope that the upstream does not know would otherwise look as if each user had denied the login."""
    before = {outcome: callbacks(client, outcome) for outcome in ("rejected", "failed", "misconfigured")}
    with capture_logs() as lines:
        returned = query_of(client.browse(error=error))
    assert returned == {**told, "state": "mine"}
    [line] = [line for line in lines if line["event"] == "upstream.login_rejected"]
    assert (line["log_level"], line["provider"], line["error"]) == (level, "kc", logged)
    outcomes = {
        None: "rejected",
        "upstream_failed": "failed",
        "upstream_misconfigured": "misconfigured",
    }
    outcome = outcomes[told.get("error_description")]
    assert line["outcome"] == outcome
    assert callbacks(client, outcome) == before[outcome] + 1


@pytest.mark.parametrize(
    "claims", [{"nonce": "another"}, {"aud": "another"}, {"iss": "https://attacker.example"}, {"exp": 1}]
)
def test_a_proof_that_does_not_hold_opens_nothing(client: Client, claims: dict[str, Any]) -> None:
    client.provider.claims = claims
    assert query_of(client.browse())["error"] == "access_denied"
    assert client.api.execute(sa.select(users.c.id)) == []


def test_a_link_needs_a_login_at_the_provider_and_not_its_old_session(client: Client) -> None:
    old = int(time.time()) - 3_600
    client.provider.claims = {"auth_time": old}
    access = client.redeem(client.code()).json()["access_token"]
    [(auth_time,)] = client.api.execute(sa.select(sessions.c.auth_time))
    assert auth_time.timestamp() == old
    body = {"code": client.code(), "code_verifier": VERIFIER}
    rejected = client.api.call("POST", f"{UPSTREAM}/kc/link", access, json=body)
    assert_problem(rejected, 403, "recent_login_required")
    # An old session is no answer to a client that asks for a login.
    assert query_of(client.browse(prompt="login"))["error"] == "access_denied"
    client.provider.claims = {"auth_time": int(time.time())}
    fresh = str(query_of(client.browse(prompt="login"))["code"])
    access = client.redeem(fresh).json()["access_token"]
    assert client.api.call("POST", f"{UPSTREAM}/kc/link", access, json=body).status_code == 204


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example.com/callback2",
        "https://app.example.com.attacker.example/callback",
        "https://app.example.com/callback?x=1",
        "http://app.example.com/callback",
        "http://127.0.0.1.attacker.example/done",
        "http://user@127.0.0.1/done",
        "javascript:alert(1)",
        "//attacker.example",
    ],
)
def test_other_redirect_uris_are_rejected(client: Client, uri: str) -> None:
    assert_problem(client.begin(redirect_uri=uri), 422, "redirect_uri_not_allowed")


def test_a_loopback_address_may_have_any_port(client: Client) -> None:
    assert client.begin(redirect_uri="http://127.0.0.1:51004/done").status_code == 201
    assert_problem(client.begin(redirect_uri="http://127.0.0.1:51004/x"), 422, "redirect_uri_not_allowed")


def test_a_signed_in_person_links_by_the_same_flow(client: Client) -> None:
    bootstrap(client.api, "admin@example.com")
    admin = sign_in(client.api, "admin@example.com")
    body = {"code": client.code(), "code_verifier": VERIFIER}
    assert client.api.call("POST", f"{UPSTREAM}/kc/link", admin.access, json=body).status_code == 204
    pair = client.redeem(client.code()).json()
    assert client.api.call("GET", f"{USERS}/me", pair["access_token"]).json()["id"] == admin.id


def test_nothing_of_a_login_under_way_is_stored_in_clear(client: Client) -> None:
    code = client.code()
    rows = client.api.execute(sa.select(upstream_authorizations))
    assert len(rows) > 0
    stored = b"".join(
        value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row
    )
    for secret in (b"access-1", b"refresh-1", b"ada@example.com", code.encode(), VERIFIER.encode()):
        assert secret not in stored
    assert upstream_authorizations in metadata.sorted_tables


def test_an_upstream_that_sends_users_back_needs_the_public_url() -> None:
    settings = {
        "adapter": "oidc",
        "issuer": "https://x.example",
        "client_id": "x",
        "token_auth_method": "none",
    }
    given = auth_settings("sqlite://", upstreams=SecretStr(json.dumps({"kc": settings})))
    with pytest.raises(SettingsError, match="DOORWARD_PUBLIC_URL"):
        create_app(given)
