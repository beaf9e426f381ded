"""Signing in at an OpenID provider with the button on the login page."""

import json
import time
from collections.abc import Iterator
from urllib.parse import quote, urlencode

import httpx2
import pytest
import sqlalchemy as sa
from anyio.from_thread import start_blocking_portal

from doorward_identity.tables import browser_sessions
from integration.harness.installation import Installation
from integration.oidc.provider import KEYS, REDIRECT, VERIFIER, challenge_of, register
from integration.pages.browsing import PUBLIC_URL, Browser, Page
from integration.upstream.installation import UPSTREAM, installed_with
from support.openid_provider import CLIENT_ID, OpenIdProvider, openid_provider
from support.scripted_upstream import Reply, answer

pytestmark = pytest.mark.databases("sqlite")

LEAVE = "/auth/login/upstream"
BACK = f"{PUBLIC_URL}/auth/login/upstream/kc?"


class UpstreamSignIn:
    """A browser and the provider that it is sent to."""

    def __init__(self, api: Installation, provider: OpenIdProvider) -> None:
        self.api = api
        self.provider = provider
        self.browser = Browser(api)

    def leave(self, path: str = "/auth/login") -> httpx2.URL:
        """Press the button; return where the browser goes."""
        page = self.browser.send(self.browser.open(path), LEAVE)
        assert page.refresh is not None, page.text
        url = httpx2.URL(page.refresh.removeprefix("0; url="))
        self.provider.nonce = url.params["nonce"]
        return url

    def return_to(self, browser: Browser, url: httpx2.URL, **changed: str) -> str:
        """Come back from the provider to the callback; return the page that it leads to."""
        returned = {"state": url.params["state"], "code": "upstream-code", **changed}
        callback = f"{UPSTREAM}/kc/callback"
        response = browser.client.get(callback, params=returned, follow_redirects=False)
        return str(response.headers["location"])


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Installation, OpenIdProvider]]:
    folder = tmp_path_factory.mktemp("upstream")
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(openid_provider()) as provider,
    ):
        settings = {
            "adapter": "oidc",
            "issuer": provider.issuer,
            "client_id": CLIENT_ID,
            "token_auth_method": "none",
            "redirect_uris": ["https://app.example.com/callback"],
        }
        keys = folder / "oidc.json"
        keys.write_text(json.dumps(KEYS), encoding="utf-8")
        with installed_with(folder, {"kc": settings}, public_url=PUBLIC_URL, oidc_jwks_file=keys) as api:
            yield api, provider


@pytest.fixture
def sign_in(running: tuple[Installation, OpenIdProvider]) -> UpstreamSignIn:
    api, provider = running
    api.wipe()
    return UpstreamSignIn(api, provider)


def _sessions(sign_in: UpstreamSignIn) -> int:
    [(count,)] = sign_in.api.execute("SELECT COUNT(*) FROM browser_sessions")
    return int(count)


def _is_login(page: Page, problem: str) -> bool:
    return page.status == 403 and bool(page.form("/auth/login")) and problem in page.text


def test_the_button_leads_there_and_back(sign_in: UpstreamSignIn) -> None:
    url = sign_in.leave("/auth/login?continue=/auth/logout")
    assert str(url).startswith(sign_in.provider.issuer)
    target = sign_in.return_to(sign_in.browser, url)
    assert target.startswith(BACK)
    assert sign_in.browser.open(target).path == "/auth/logout"
    assert _sessions(sign_in) == 1
    assert sign_in.browser.open("/auth/account").path == "/auth/account"
    assert sign_in.api.execute("SELECT COUNT(*) FROM upstream_grants WHERE session_id IS NULL") == [(1,)]


@pytest.mark.parametrize("fields", [{}, {"remember": "on"}])
def test_the_box_of_the_login_form_is_for_the_button_too(
    sign_in: UpstreamSignIn, fields: dict[str, str]
) -> None:
    page = sign_in.browser.send(sign_in.browser.open("/auth/login"), LEAVE, fields)
    assert page.refresh is not None
    url = httpx2.URL(page.refresh.removeprefix("0; url="))
    sign_in.provider.nonce = url.params["nonce"]
    assert sign_in.browser.open(sign_in.return_to(sign_in.browser, url)).path == "/auth/account"
    assert sign_in.api.execute("SELECT is_remembered FROM browser_sessions") == [(bool(fields),)]


def test_the_sign_in_leads_back_to_an_application(sign_in: UpstreamSignIn) -> None:
    authorize = "/api/v1/auth/authorize?client_id=app"
    url = sign_in.leave(f"/auth/login?continue={authorize.replace('?', '%3F').replace('=', '%3D')}")
    response = sign_in.browser.client.get(sign_in.return_to(sign_in.browser, url), follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (303, authorize)


@pytest.mark.parametrize(
    ("asked", "is_fresh"),
    [
        ("prompt=consent+login", True),
        ("max_age=0", True),
        ("max_age=3600", True),
        ("prompt=consent", False),
        ("acr_values=login", False),
    ],
)
def test_a_fresh_login_for_an_application_is_asked_for_at_the_provider(
    sign_in: UpstreamSignIn, monkeypatch: pytest.MonkeyPatch, asked: str, *, is_fresh: bool
) -> None:
    page = f"/auth/login?continue={quote(f'/api/v1/auth/authorize?client_id=app&{asked}', safe='')}"
    url = sign_in.leave(page)
    wanted = ("login", "0") if is_fresh else (None, None)
    assert (url.params.get("prompt"), url.params.get("max_age")) == wanted
    # The provider has an old session, and ignores what it was asked for.
    old = int(time.time()) - 9_000
    monkeypatch.setattr(sign_in.provider, "claims", {"auth_time": old})
    target = sign_in.return_to(sign_in.browser, url)
    response = sign_in.browser.client.get(target, follow_redirects=False)
    assert (response.status_code, _sessions(sign_in)) == ((403, 0) if is_fresh else (303, 1))
    if is_fresh:
        assert "did not work" in response.text
        monkeypatch.setattr(sign_in.provider, "claims", {"auth_time": int(time.time())})
        target = sign_in.return_to(sign_in.browser, sign_in.leave(page))
        assert sign_in.browser.client.get(target, follow_redirects=False).status_code == 303
    [(auth_time,)] = sign_in.api.execute(sa.select(browser_sessions.c.auth_time))
    assert auth_time.timestamp() > old if is_fresh else auth_time.timestamp() == old


@pytest.mark.parametrize(("length", "is_kept"), [(2_900, True), (2_901, False)])
def test_a_target_is_kept_as_far_as_browsers_keep_the_cookie(
    sign_in: UpstreamSignIn,
    length: int,
    is_kept: bool,  # noqa: FBT001 - a case of the test
) -> None:
    target = "/auth/logout?".ljust(length, "a")
    url = sign_in.leave(f"/auth/login?continue={quote(target)}")
    cookie = sign_in.browser.client.cookies["doorward_upstream"]
    # RFC 6265bis section 5.6: name and value have 4,096 bytes.
    assert len("__Host-doorward_upstream") + len(cookie) <= 4_096
    assert (sign_in.browser.open(sign_in.return_to(sign_in.browser, url)).path == target) == is_kept


def test_a_code_opens_nothing_in_another_browser(sign_in: UpstreamSignIn) -> None:
    """An attacker who sends the link would sign a visitor in to the attacker's account."""
    attacker = Browser(sign_in.api)
    target = sign_in.return_to(sign_in.browser, sign_in.leave())
    assert _is_login(attacker.open(target), "Sign in again.")
    # A link checker uses nothing up.
    assert sign_in.browser.client.head(target, follow_redirects=False).status_code == 405
    assert _sessions(sign_in) == 0
    assert sign_in.browser.open(target).path == "/auth/account"
    assert _is_login(sign_in.browser.open(target), "Sign in again.")
    assert _sessions(sign_in) == 1


def test_what_the_provider_rejects_leads_back_to_the_login(sign_in: UpstreamSignIn) -> None:
    target = sign_in.return_to(
        sign_in.browser, sign_in.leave("/auth/login?continue=/auth/logout"), error="access_denied"
    )
    page = sign_in.browser.open(target)
    assert _is_login(page, "did not work")
    assert page.form("/auth/login").fields["continue"] == "/auth/logout"


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        # Of the code: the visitor has entered no password here.
        (answer(400, {"error": "invalid_grant"}), "Diese Anmeldung hat nicht geklappt"),
        (answer(429, headers={"Retry-After": "9"}), "Versuchen Sie es in einer Minute noch einmal."),
    ],
)
def test_a_failure_of_the_provider_is_reported_in_the_language_of_the_visitor(
    sign_in: UpstreamSignIn, monkeypatch: pytest.MonkeyPatch, failure: Reply, text: str
) -> None:
    sign_in.browser.client.headers["accept-language"] = "de"
    url = sign_in.leave()
    monkeypatch.setattr(sign_in.provider, "token_answer", failure)
    assert _is_login(sign_in.browser.open(sign_in.return_to(sign_in.browser, url)), text)


@pytest.mark.parametrize(("prompt", "is_enough"), [("select_account", True), ("login", False)])
def test_an_old_session_of_the_provider_says_who_the_user_is_and_is_no_new_proof(
    sign_in: UpstreamSignIn, monkeypatch: pytest.MonkeyPatch, prompt: str, *, is_enough: bool
) -> None:
    register(sign_in.api)
    asked = {
        "client_id": "app",
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "scope": "openid",
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
        "prompt": prompt,
    }
    client = sign_in.browser.client
    begun = client.get(f"/api/v1/auth/authorize?{urlencode(asked)}", follow_redirects=False)
    # By the page alone, without what it says about the request.
    url = sign_in.leave("/auth/login" if prompt == "login" else begun.headers["location"])
    monkeypatch.setattr(sign_in.provider, "claims", {"auth_time": int(time.time()) - 9_000})
    client.get(sign_in.return_to(sign_in.browser, url), follow_redirects=False)
    continuation = httpx2.URL(begun.headers["location"]).params["continue"]
    target = client.get(continuation, follow_redirects=False).headers["location"]
    assert target.startswith(f"{REDIRECT}?code=" if is_enough else "/auth/login?")


def test_a_login_that_is_set_up_wrongly_is_not_the_visitors_fault(sign_in: UpstreamSignIn) -> None:
    target = sign_in.return_to(sign_in.browser, sign_in.leave(), error="invalid_client")
    assert _is_login(sign_in.browser.open(target), "is not set up correctly")


@pytest.mark.parametrize("reported", ["client_not_allowed", "upstream_credentials", "x" * 500])
def test_a_visitor_cannot_choose_the_text(sign_in: UpstreamSignIn, reported: str) -> None:
    url = sign_in.leave()
    query = f"error=access_denied&error_description={reported}"
    state = httpx2.URL(sign_in.return_to(sign_in.browser, url, error="access_denied")).params["state"]
    assert _is_login(sign_in.browser.open(f"{BACK}{query}&state={state}"), "did not work")


def test_a_code_that_has_expired_is_reported_in_the_language_of_the_visitor(sign_in: UpstreamSignIn) -> None:
    sign_in.browser.client.headers["accept-language"] = "de"
    target = sign_in.return_to(sign_in.browser, sign_in.leave())
    sign_in.api.execute("DELETE FROM upstream_authorizations")
    assert _is_login(sign_in.browser.open(target), "Melden Sie sich noch einmal an.")


@pytest.mark.parametrize("cookie", ["x", "W10=", "WyJhIiwgImIiLCBudWxsXQ==", "bnVsbA==", "x" * 3000])
def test_a_cookie_that_we_did_not_set_is_none(sign_in: UpstreamSignIn, cookie: str) -> None:
    sign_in.browser.client.cookies.set("doorward_upstream", cookie)
    assert _is_login(sign_in.browser.open("/auth/login/upstream/kc?state=a&code=b"), "Sign in again.")


@pytest.mark.parametrize("fields", [{"upstream": "nobody"}, {"upstream": "../x"}, {"form_code": "x"}])
def test_the_button_of_another_page_leads_nowhere(sign_in: UpstreamSignIn, fields: dict[str, str]) -> None:
    page = sign_in.browser.send(sign_in.browser.open("/auth/login"), LEAVE, fields)
    assert page.refresh is None
    assert "/auth/login" in [form.action for form in page.forms]


@pytest.mark.parametrize("name", ["", "none", "kc ", "é", "\0", "x" * 600])
def test_an_unknown_upstream_is_said_on_the_page(sign_in: UpstreamSignIn, name: str) -> None:
    page = sign_in.browser.open("/auth/login")
    sent = sign_in.browser.send(page, LEAVE, {"upstream": name})
    assert sent.status == 403
    assert "no longer exists" in sent.text
