"""Sign-out at the request of a client: at once with an ID token of the session, else with a question."""

import json
import time
from urllib.parse import urlencode

import httpx2
import jwt
import pytest
import sqlalchemy as sa

from doorward_client import base64url
from doorward_identity.tables import browser_sessions
from integration.harness.installation import AUTH, Installation
from integration.harness.people import People
from integration.harness.problems import assert_oauth_error, assert_problem
from integration.oidc.browser import current
from integration.oidc.provider import COOKIE, KEYS, Client, answer_of, assert_page, register

pytestmark = pytest.mark.databases("sqlite")
BYE = "https://app.example.com/bye"
CONFIRM, SIGNED_OUT = "/auth/logout", "/auth/signed-out"


@pytest.fixture
def app(idp: Installation) -> Client:
    register(idp, post_logout_redirect_uris=f"{BYE} https://app.example.com/bye?from=app")
    return Client(idp)


def end(app: Client, **parameters: str | None) -> httpx2.Response:
    given = {name: value for name, value in parameters.items() if value is not None}
    return app.browse(f"{AUTH}/end-session?{urlencode(given)}")


def location_of(response: httpx2.Response) -> str:
    assert response.status_code == 303, response.text
    location: str = response.headers["location"]
    return location


def is_signed_in(app: Client) -> bool:
    return current(app.installation, app.token) is not None


def tampered(token: str, **header: str) -> str:
    """Return an ID token with another header, and the signature it had."""
    _, payload, signature = token.split(".")
    changed = {**jwt.get_unverified_header(token), **header}
    return ".".join([base64url.encode(json.dumps(changed).encode()), payload, signature])


def forged(token: str) -> str:
    """Return an ID token without a signature (alg none)."""
    return tampered(token, alg="none").rpartition(".")[0] + "."


@pytest.mark.parametrize("state", [None, "a b/+=ä"])
def test_a_good_hint_ends_the_session_at_once_and_leads_back(
    app: Client, idp: Installation, people: People, state: str | None
) -> None:
    app.sign_in(people.user)
    tokens, offline = app.tokens(), app.tokens(scope="openid offline_access")
    response = end(app, id_token_hint=tokens["id_token"], post_logout_redirect_uri=BYE, state=state)
    if state is None:
        assert location_of(response) == BYE
    else:
        assert answer_of(response, BYE) == {"state": state}
    assert response.headers["set-cookie"].startswith(f'{COOKIE}="";')
    assert not is_signed_in(app)
    idp.sync_revocations()
    assert idp.call("GET", f"{AUTH}/userinfo", tokens["access_token"]).status_code == 401
    assert_oauth_error(app.refresh(tokens["refresh_token"]), 400, "invalid_grant")
    assert app.refresh(offline["refresh_token"]).status_code == 200
    assert answer_of(app.authorize(prompt="none"))["error"] == "login_required"


def test_an_expired_hint_is_good_enough(app: Client, people: People) -> None:
    app.sign_in(people.user)
    claims = jwt.decode(app.tokens()["id_token"], options={"verify_signature": False})
    [key] = [one for one in KEYS["keys"] if one["alg"] == "RS256"]
    old = {**claims, "iat": int(time.time()) - 9_000, "exp": int(time.time()) - 8_700}
    hint = jwt.encode(old, jwt.PyJWK(key).key, "RS256", headers={"kid": key["kid"], "typ": "JWT"})
    assert location_of(end(app, id_token_hint=hint, post_logout_redirect_uri=BYE)) == BYE
    assert not is_signed_in(app)


def test_a_good_hint_without_a_uri_leads_to_the_page_of_signed_out_users(app: Client, people: People) -> None:
    app.sign_in(people.user)
    assert location_of(end(app, id_token_hint=app.tokens()["id_token"], state="s")) == SIGNED_OUT
    assert not is_signed_in(app)


@pytest.mark.parametrize(
    "uri",
    [
        *(f"{BYE}?state=evil", f"{BYE}/", f"{BYE}?", BYE.upper(), "https://evil.example/"),
        *("https://app.example.com/callback", "javascript:alert(1)", f"{BYE}#x", f"{BYE}?from=app"[:-1]),
    ],
)
def test_an_unregistered_uri_is_asked_about_and_led_to_by_no_one(
    app: Client, people: People, uri: str
) -> None:
    app.sign_in(people.user)
    response = end(app, id_token_hint=app.tokens()["id_token"], post_logout_redirect_uri=uri, state="s")
    assert location_of(response) == CONFIRM
    assert "set-cookie" not in response.headers
    assert is_signed_in(app)


def test_what_is_no_hint_of_this_session_is_asked_about(
    app: Client, idp: Installation, people: People
) -> None:
    app.sign_in(people.other)
    of_another_user = app.tokens()["id_token"]
    app.token = None
    app.sign_in(people.user)
    of_another_browser = app.tokens()["id_token"]
    app.token = None
    app.sign_in(people.user)
    mine = app.tokens()["id_token"]
    hints: dict[str, dict[str, str]] = {
        "no parameters": {},
        "only state": {"state": "s"},
        "no hint": {"post_logout_redirect_uri": BYE},
        "another user": {"id_token_hint": of_another_user, "post_logout_redirect_uri": BYE},
        "another browser": {"id_token_hint": of_another_browser, "post_logout_redirect_uri": BYE},
        "no signature": {"id_token_hint": forged(mine), "post_logout_redirect_uri": BYE},
        "another key": {"id_token_hint": tampered(mine, kid="x"), "post_logout_redirect_uri": BYE},
        "damaged": {"id_token_hint": mine[:-8] + "AAAAAAAA", "post_logout_redirect_uri": BYE},
        "an access token": {"id_token_hint": app.tokens()["access_token"]},
        "another client": {"id_token_hint": mine, "client_id": "other", "post_logout_redirect_uri": BYE},
    }
    for name, parameters in hints.items():
        assert location_of(end(app, **parameters)) == CONFIRM, name
        assert is_signed_in(app), name
    twice = urlencode([("id_token_hint", mine), ("id_token_hint", mine)])
    assert location_of(app.browse(f"{AUTH}/end-session?{twice}")) == CONFIRM
    idp.execute("UPDATE oauth_clients SET disabled_at = created_at")
    assert location_of(end(app, id_token_hint=mine, post_logout_redirect_uri=BYE)) == CONFIRM
    assert is_signed_in(app)


def test_without_a_signed_in_user_a_valid_hint_still_leads_back(
    app: Client, idp: Installation, people: People
) -> None:
    app.sign_in(people.user)
    hint = app.tokens()["id_token"]
    idp.execute(browser_sessions.delete())
    for _ in range(2):
        assert location_of(end(app, id_token_hint=hint, post_logout_redirect_uri=BYE)) == BYE
        assert location_of(end(app)) == SIGNED_OUT
        app.token = None


def test_a_form_becomes_a_get(app: Client, people: People) -> None:
    app.sign_in(people.user)
    form = {"id_token_hint": app.tokens()["id_token"], "post_logout_redirect_uri": BYE, "state": "s"}
    response = app.browse(f"{AUTH}/end-session", "POST", data=form)
    assert is_signed_in(app), "the form of another site has no cookie, and ends nothing"
    assert answer_of(app.browse(location_of(response)), BYE) == {"state": "s"}
    assert not is_signed_in(app)


def test_a_head_ends_nothing(app: Client, people: People) -> None:
    app.sign_in(people.user)
    query = urlencode({"id_token_hint": app.tokens()["id_token"]})
    assert app.browse(f"{AUTH}/end-session?{query}", "HEAD").status_code == 405
    assert is_signed_in(app)


def test_a_long_request_and_a_provider_that_is_off(
    app: Client, installation: Installation, idp: Installation
) -> None:
    assert_page(end(app, state="s" * 2049), 414, "too long")
    assert_problem(installation.call("GET", f"{AUTH}/end-session"), 404, "oidc_not_configured")
    assert idp.execute(sa.select(browser_sessions.c.id)) == []
