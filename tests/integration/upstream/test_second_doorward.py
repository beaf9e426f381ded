"""A Doorward whose upstream is another Doorward: its settings, logins, refreshes, and what ends a grant."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from integration.harness.deployment import wait_until
from integration.harness.installation import AUTH, USERS
from integration.harness.problems import assert_problem
from integration.upstream.installation import UPSTREAM
from integration.upstream.second_doorward import (
    BROWSER,
    CLIENT_URL,
    MISTAKEN,
    NAME,
    Browser,
    Tokens,
    TwoDoorwards,
    two_doorwards,
)
from support.administrator import User

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture(scope="module")
def installations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoDoorwards]:
    with two_doorwards(tmp_path_factory.mktemp("two"), sessions="bound") as both:
        yield both


@pytest.fixture(scope="module")
def support(installations: TwoDoorwards) -> str:
    """The group that gives a role."""
    return installations.administrator.add_group("support")


@pytest.fixture
def browser(installations: TwoDoorwards) -> Iterator[Browser]:
    with installations.browser() as browser:
        yield browser


@pytest.fixture
def user(installations: TwoDoorwards) -> User:
    return installations.administrator.add_user()


def upstream_token(installations: TwoDoorwards, access: str) -> str:
    answer = installations.upstream_token(access)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def generation(installations: TwoDoorwards, user: User) -> int:
    """Return how many tokens of the first installation the second one has stored for a user."""
    found = installations.execute(
        "SELECT email, MAX(generation) FROM users JOIN upstream_grants ON user_id = users.id GROUP BY email"
    )
    return next(int(number) for email, number in found if email == user.email)


def assert_grant_ended(installations: TwoDoorwards, tokens: Tokens, name: str = NAME) -> None:
    """Check that the next refresh learns of it, and that a session that is bound to the grant ends."""
    installations.expire_upstream_tokens()
    rejected = installations.upstream_token(tokens.access, name)
    assert_problem(rejected, 401, "upstream_reauthentication_required")
    [link] = installations.call("GET", UPSTREAM, tokens.access).json()["items"]
    assert (link["provider"], link["state"]) == (name, "reauth_required")
    assert link["last_error"] == "invalid_grant"
    body = {"refresh_token": tokens.refresh}
    ended = installations.call("POST", f"{AUTH}/refresh-token", json=body)
    assert_problem(ended, 401, "upstream_reauthentication_required")


def test_a_user_of_the_first_gets_an_account_at_the_second(
    installations: TwoDoorwards, browser: Browser, support: str
) -> None:
    user = installations.administrator.add_user(support)
    tokens = installations.log_in(user, browser)
    request = next(url for url in browser.visited if url.path == f"{AUTH}/authorize")
    assert request.params["code_challenge_method"] == "S256"
    assert {"nonce", "state", "code_challenge"} <= request.params.keys()
    me = installations.call("GET", f"{USERS}/me", tokens.access).json()
    expected = (user.email, True, "Ada", "auditor")
    assert (me["email"], me["email_verified"], me["name"], me["role"]) == expected
    assert me["id"] != user.id
    linked = installations.execute("SELECT subject FROM upstream_identities")
    assert (user.id,) in linked
    token = upstream_token(installations, tokens.access)
    there = installations.call_first("GET", f"{AUTH}/userinfo", token).json()
    assert (there["sub"], there["groups"]) == (user.id, ["support"])
    # Single sign-on: neither a password nor consent a second time.
    browser.open(installations.begin())
    assert "code" in browser.address.params


def test_a_token_is_refreshed_on_demand_and_with_a_session(
    installations: TwoDoorwards, browser: Browser, user: User
) -> None:
    tokens = installations.log_in(user, browser)
    seen = {upstream_token(installations, tokens.access)}
    for _ in range(2):
        installations.expire_upstream_tokens()
        seen.add(upstream_token(installations, tokens.access))
    installations.expire_upstream_tokens()
    body = {"refresh_token": tokens.refresh}
    before = generation(installations, user)
    pair = installations.call("POST", f"{AUTH}/refresh-token", json=body).json()
    # Read from the database, because asking for the token would refresh it.
    wait_until(lambda: generation(installations, user) > before, "the refresh with the session")
    seen.add(upstream_token(installations, pair["access_token"]))
    assert len(seen) == 4
    assert all(map(installations.is_accepted, seen))


def test_a_role_goes_with_the_group(installations: TwoDoorwards, browser: Browser, support: str) -> None:
    user = installations.administrator.add_user(support)
    assert _role(installations, installations.log_in(user, browser).access) == "auditor"
    installations.administrator.leave(support, user)
    with installations.browser() as another:
        assert _role(installations, installations.log_in(user, another).access) == "user"


@pytest.mark.parametrize(("name", "is_ended"), [(BROWSER, True), (NAME, False)])
def test_signing_out_at_the_first_ends_a_grant_without_offline_access(
    installations: TwoDoorwards, browser: Browser, user: User, name: str, *, is_ended: bool
) -> None:
    tokens = installations.log_in(user, browser, name)
    page = browser.open(f"{installations.first.url}/auth/logout")
    browser.send(page, "/auth/logout")
    assert browser.address.path == "/auth/signed-out"
    if is_ended:
        assert_grant_ended(installations, tokens, name)
        return
    installations.expire_upstream_tokens()
    assert installations.is_accepted(upstream_token(installations, tokens.access))


def test_ending_the_session_at_the_first_ends_the_grant(
    installations: TwoDoorwards, browser: Browser, user: User
) -> None:
    tokens = installations.log_in(user, browser)
    login = {"email": user.email, "password": user.password}
    there = installations.call_first("POST", f"{AUTH}/token", json=login).json()["access_token"]
    sessions = installations.call_first("GET", f"{AUTH}/sessions", there).json()["items"]
    [of_client] = [session for session in sessions if session["client"] is not None]
    path = f"{AUTH}/sessions/{of_client['id']}"
    assert installations.call_first("DELETE", path, there).status_code == 204
    assert_grant_ended(installations, tokens)


def test_a_logout_at_the_second_ends_the_session_at_the_first(
    installations: TwoDoorwards, browser: Browser, user: User
) -> None:
    tokens = installations.log_in(user, browser)
    token = upstream_token(installations, tokens.access)
    assert installations.is_accepted(token)
    assert installations.call("POST", f"{AUTH}/logout", tokens.access).status_code == 204
    wait_until(lambda: not installations.is_accepted(token), "the end of the session at the first")


def test_a_user_who_denies_returns_without_an_account(
    installations: TwoDoorwards, browser: Browser, user: User
) -> None:
    before = installations.execute("SELECT COUNT(*) FROM users")
    page = browser.log_in(browser.open(installations.begin()), user)
    browser.send(page, "/auth/consent", decision="deny")
    assert str(browser.address).startswith(f"{CLIENT_URL}?")
    assert dict(browser.address.params) == {"error": "access_denied", "state": "mine"}
    assert installations.execute("SELECT COUNT(*) FROM users") == before


def test_a_scope_that_the_client_does_not_have_is_no_denial(
    installations: TwoDoorwards, browser: Browser, user: User
) -> None:
    browser.log_in(browser.open(f"{installations.first.url}/auth/login"), user)
    browser.open(installations.begin(MISTAKEN))
    expected = {"error": "temporarily_unavailable", "error_description": "upstream_misconfigured"}
    assert dict(browser.address.params) == {**expected, "state": "mine"}
    [line] = installations.second.wait_for_log("invalid_scope")
    assert "upstream.login_rejected" in line


def test_the_button_on_the_login_page_leads_there_and_back(
    installations: TwoDoorwards, browser: Browser, user: User
) -> None:
    page = browser.open(f"{installations.second.url}/auth/login")
    at_first = browser.send(page, "/auth/login/upstream", upstream=NAME)
    assert str(browser.address).startswith(f"{installations.first.url}/auth/login")
    consent = browser.log_in(at_first, user)
    browser.send(consent, "/auth/consent", decision="allow")
    assert str(browser.address) == f"{installations.second.url}/auth/account"


def test_a_fresh_login_at_the_second_is_one_at_the_first(
    installations: TwoDoorwards, browser: Browser, user: User
) -> None:
    installations.log_in(user, browser)
    target = quote("/api/v1/auth/authorize?client_id=app&max_age=600", safe="")
    page = browser.open(f"{installations.second.url}/auth/login?continue={target}")
    at_first = browser.send(page, "/auth/login/upstream", upstream=NAME)
    # Not its single sign-on.
    assert str(browser.address).startswith(f"{installations.first.url}/auth/login")
    browser.log_in(at_first, user)
    assert str(browser.address).startswith(f"{installations.second.url}/api/v1/auth/authorize?client_id=app")


def _role(installations: TwoDoorwards, access: str) -> str:
    return str(installations.call("GET", f"{USERS}/me", access).json()["role"])
