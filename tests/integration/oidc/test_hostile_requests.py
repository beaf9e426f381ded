"""Made-up requests at the endpoints of browsers and clients: no failure, no way elsewhere, no markup."""

import re
from html import unescape
from typing import Final
from urllib.parse import urlencode, urlsplit

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.harness.installation import AUTH, Installation
from integration.harness.people import People
from integration.oidc.provider import ORIGIN, REDIRECT, SECRET, VERIFIER, Client, challenge_of

pytestmark = pytest.mark.databases("sqlite")

MARKUP: Final = "<b onclick='x'>\"&"
EVIL: Final = (
    "https://evil.example/",
    "//evil.example",
    f"{REDIRECT}@evil.example",
    f"{ORIGIN}.evil.example/",
)
WAY_ELSEWHERE: Final = re.compile(
    r"""(?:href|action|src)=["'](?:https?:)?//[^"'/]*evil|url=(?:https?:)?//[^"'/]*evil"""
)
VALUES: Final = st.one_of(
    st.sampled_from(
        [
            *EVIL,
            MARKUP,
            *(
                "",
                "code",
                "none",
                "login",
                "openid",
                "0",
                "-1",
                "S256",
                "plain",
                "app",
                "\x00",
                "\r\nX: y",
                "%0d%0a",
            ),
            *(REDIRECT, ORIGIN, SECRET, VERIFIER, "dwa_" + "A" * 64, "a.b.c", "javascript:alert(1)"),
        ]
    ),
    st.text(max_size=40),
)
REQUEST: Final = {
    "client_id": "app",
    "redirect_uri": REDIRECT,
    "response_type": "code",
    "scope": "openid email",
    "code_challenge": challenge_of(VERIFIER),
    "code_challenge_method": "S256",
}
AUTHORIZE: Final = (
    *REQUEST,
    *("state", "nonce", "prompt", "max_age", "id_token_hint", "resource", "login_hint", "ui_locales"),
    *("acr_values", "request", "request_uri", "interaction", "response_mode", "display"),
)
END_SESSION: Final = (
    "id_token_hint",
    "post_logout_redirect_uri",
    "state",
    "client_id",
    "ui_locales",
    "logout_hint",
)
TOKEN: Final = (
    *("grant_type", "code", "redirect_uri", "code_verifier", "client_id", "client_secret", "refresh_token"),
    *("scope", "resource", "username", "password"),
)
OFTEN: Final = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


HINTS: Final = {
    "max_age": ("0", "10000"),
    "prompt": ("login", "none", "consent", "select_account"),
    "grant_type": ("authorization_code", "refresh_token", "client_credentials", "password"),
    "login_hint": (MARKUP,),
    "state": (MARKUP,),
}


def pairs(*names: str) -> st.SearchStrategy[list[tuple[str, str]]]:
    """Make up to three parameters up, half of them with values that mean something at their place."""
    return st.lists(
        st.sampled_from(names).flatmap(
            lambda name: st.tuples(st.just(name), st.one_of(st.sampled_from(HINTS.get(name, EVIL)), VALUES))
        ),
        max_size=3,
    )


def assert_harmless(response: httpx2.Response) -> None:
    assert response.status_code < 500, response.text
    location = response.headers.get("location", "/")
    assert "\n" not in location
    assert urlsplit(location).netloc in {"", urlsplit(REDIRECT).netloc, urlsplit(ORIGIN).netloc}, location
    if response.headers.get("content-type", "").startswith("text/html"):
        assert MARKUP[:3] not in response.text
        assert not WAY_ELSEWHERE.search(unescape(response.text))


@OFTEN
@given(changed=pairs(*AUTHORIZE), by_form=st.booleans(), comes_twice=st.booleans())
def test_authorization(
    app: Client, people: People, *, changed: list[tuple[str, str]], by_form: bool, comes_twice: bool
) -> None:
    if app.token is None:
        app.sign_in(people.user)
    names = set() if comes_twice else {name for name, _ in changed}
    text = urlencode([*((name, REQUEST[name]) for name in REQUEST if name not in names), *changed])
    path = f"{AUTH}/authorize"
    form = {"content": text, "headers": {"content-type": "application/x-www-form-urlencoded"}}
    response = app.browse(path, "POST", **form) if by_form else app.browse(f"{path}?{text}")
    assert_harmless(response)
    location = response.headers.get("location", "")
    if location.startswith("/"):
        assert_harmless(app.browse(location))


@OFTEN
@given(query=pairs(*END_SESSION))
def test_end_session(app: Client, query: list[tuple[str, str]]) -> None:
    assert_harmless(app.browse(f"{AUTH}/end-session?{urlencode(query)}"))


@OFTEN
@given(form=pairs(*TOKEN))
def test_token(app: Client, idp: Installation, form: list[tuple[str, str]]) -> None:
    del app
    headers = {"content-type": "application/x-www-form-urlencoded"}
    response = idp.call("POST", f"{AUTH}/token", content=urlencode(form), headers=headers)
    assert 400 <= response.status_code < 500
    assert response.headers["content-type"] == "application/json"
    assert {"error", "error_description", "request_id"} <= response.json().keys()
