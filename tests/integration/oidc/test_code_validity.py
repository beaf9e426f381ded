"""What spends a code, what ends it, and what voids it."""

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from doorward_client.keys.key_set import Key
from doorward_client.keys.key_store import KeyStore, NoSigningKeyError
from doorward_identity.tables import audit_events, authorization_codes, browser_sessions, sessions
from integration.harness.installation import Installation
from integration.harness.people import People
from integration.harness.problems import assert_oauth_error
from integration.oidc.provider import (
    REDIRECT,
    VERIFIER,
    Client,
    challenge_of,
    claims_of,
    live_sessions,
    register,
)

pytestmark = pytest.mark.databases("sqlite")
REPORTS = "https://reports.example.com"


def test_a_second_use_ends_what_the_first_opened(app: Client, idp: Installation, people: People) -> None:
    app.sign_in(people.user)
    code = app.code()
    body = app.exchange(code).json()
    assert app.userinfo_status(body["access_token"]) == 200
    assert_oauth_error(app.exchange(code), 400, "invalid_grant")
    assert app.userinfo_status(body["access_token"]) == 401
    assert_oauth_error(app.refresh(body["refresh_token"]), 400, "invalid_grant")
    [(details,)] = idp.execute(
        sa.select(audit_events.c.details).where(audit_events.c.action == "oidc:code:reused")
    )
    assert '"client":"app"' in details
    assert_oauth_error(app.exchange(code), 400, "invalid_grant")


WRONG: dict[str, dict[str, str | None]] = {
    "another redirect URI": {"redirect_uri": f"{REDIRECT}/"},
    "another verifier": {"code_verifier": VERIFIER[:-1] + "x"},
    "no verifier": {"code_verifier": None},
    "a verifier that is too short": {"code_verifier": VERIFIER[:42]},
    "the challenge": {"code_verifier": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_use_does_not_spend_the_code_and_five_end_it(
    app: Client, people: People, wrong: dict[str, str | None]
) -> None:
    app.sign_in(people.user)
    code, doomed = app.code(), app.code()
    for _ in range(4):
        assert_oauth_error(app.exchange(code, **wrong), 400, "invalid_grant")
    assert app.exchange(code).status_code == 200
    for _ in range(5):
        assert_oauth_error(app.exchange(doomed, **wrong), 400, "invalid_grant")
    assert_oauth_error(app.exchange(doomed), 400, "invalid_grant")


def test_a_code_is_of_its_client_alone(app: Client, idp: Installation, people: People) -> None:
    other_id = register(idp, "other")
    other = Client(idp, "other")
    app.sign_in(people.user)
    code = app.code()
    for _ in range(4):
        assert_oauth_error(other.exchange(code), 400, "invalid_grant")
    tokens = app.exchange(code).json()
    # A second use by another client tells nothing about the first.
    assert_oauth_error(other.exchange(code), 400, "invalid_grant")
    assert app.userinfo_status(tokens["access_token"]) == 200
    assert live_sessions(idp, other_id) == 0


@pytest.mark.parametrize("is_required", [True, False])
def test_the_verifier_of_the_challenge_gets_tokens(
    idp: Installation, people: People, *, is_required: bool
) -> None:
    register(idp, require_pkce=is_required)
    app = Client(idp)
    app.sign_in(people.user)
    tokens = app.exchange(app.code(code_challenge=challenge_of(VERIFIER)), code_verifier=VERIFIER).json()
    assert claims_of(idp, tokens["id_token"], "app")["sub"] == people.user.id
    other = VERIFIER[::-1]
    assert app.exchange(app.code(code_challenge=challenge_of(other)), code_verifier=other).status_code == 200


def test_a_verifier_without_a_challenge_is_rejected(idp: Installation, people: People) -> None:
    register(idp, require_pkce=False)
    app = Client(idp, defaults={})
    app.sign_in(people.user)
    without: dict[str, Any] = {"code_challenge": None, "code_challenge_method": None}
    assert_oauth_error(app.exchange(app.code(**without)), 400, "invalid_grant")
    assert app.exchange(app.code(**without), code_verifier=None).status_code == 200
    # A challenge that was sent is always verified.
    assert_oauth_error(app.exchange(app.code(), code_verifier=None), 400, "invalid_grant")


@pytest.mark.parametrize("code", ["", "dwa_", "x", "dwr_" + "A" * 64, "dwa_" + "A" * 64])
def test_what_is_no_code(app: Client, code: str) -> None:
    response = app.exchange(code)
    assert response.status_code == 400
    assert response.json()["error"] == ("invalid_grant" if code else "invalid_request")


def test_without_a_signing_key_the_code_is_kept(
    app: Client, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.sign_in(people.user)
    code = app.code()

    def reject(_keys: KeyStore, _algorithm: str) -> Key:
        raise NoSigningKeyError

    with monkeypatch.context() as patch:
        patch.setattr(KeyStore, "signing_with", reject)
        response = app.exchange(code)
        assert_oauth_error(response, 503, "temporarily_unavailable")
        assert response.headers["retry-after"]
    assert app.exchange(code).status_code == 200


def test_a_code_expires(app: Client, idp: Installation, people: People) -> None:
    app.sign_in(people.user)
    code = app.code()
    idp.execute(authorization_codes.update().values(expires_at=datetime(2026, 1, 1, tzinfo=UTC)))
    assert_oauth_error(app.exchange(code), 400, "invalid_grant")


@pytest.mark.parametrize("change", [{"status": "disabled"}, {"password": "somebody else has it"}])
def test_a_change_of_the_account_voids_the_code(
    app: Client, installation: Installation, idp: Installation, people: People, change: dict[str, str]
) -> None:
    app.sign_in(people.user)
    code = app.code()
    assert installation.call("PATCH", people.user.path, people.admin.access, json=change).status_code == 200
    assert_oauth_error(app.exchange(code), 400, "invalid_grant")
    assert idp.execute(sa.select(sessions.c.id).where(sessions.c.oauth_client_id.is_not(None))) == []


def test_the_end_of_the_browser_session_voids_the_code(
    app: Client, idp: Installation, people: People
) -> None:
    app.sign_in(people.user)
    code = app.code(scope="openid offline_access")
    idp.execute(browser_sessions.delete())
    assert_oauth_error(app.exchange(code), 400, "invalid_grant")
