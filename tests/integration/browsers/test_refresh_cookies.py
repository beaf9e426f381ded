"""Refresh tokens in cookies: which requests get and use them, and that no body contains them."""

from collections.abc import Iterator

import httpx2
import pytest

from integration.browsers.cookie_mode import (
    API,
    COOKIE,
    PAGE,
    SET,
    Page,
    assert_cleared,
    cookie_of,
    sets_no_cookie,
    token_in_cookie,
)
from integration.harness.installation import AUTH, Installation, reconfigured, tokens_of
from integration.harness.people import PASSWORD, People
from integration.harness.problems import assert_problem

pytestmark = pytest.mark.databases("sqlite")  # a race on MariaDB: test_many_tabs.py

INVALID = "invalid_refresh_token"
REJECTED = "origin_not_allowed"


@pytest.fixture(scope="module")
def replicas() -> Iterator[dict[str, Installation]]:
    """The installation of the last test's database, started once."""
    started: dict[str, Installation] = {}
    yield started
    for replica in started.values():
        replica.__exit__(None, None, None)


@pytest.fixture
def page(installation: Installation, replicas: dict[str, Installation]) -> Page:
    """A page of an allowed origin, of the same site as the API."""
    url = installation.database_url
    if url not in replicas:
        replica = Installation(url, installation.tickets_url, allowed_origins=(PAGE,), public_url=API)
        replicas[url] = replica.__enter__()
    return Page(replicas[url])


def test_a_login_puts_the_refresh_token_into_the_named_cookie_alone(page: Page, people: People) -> None:
    response = page.log_in(people.user.email)
    token_in_cookie(response)
    body = response.json()
    assert "refresh_token" not in body
    _, _, attributes = cookie_of(response)
    assert attributes == {**SET, "max-age": str(body["refresh_expires_in"])}
    assert response.headers["access-control-allow-credentials"] == "true"


def test_a_refresh_replaces_the_cookie(page: Page, people: People) -> None:
    first = token_in_cookie(page.log_in(people.user.email))
    second = token_in_cookie(page.refresh(first))
    assert second != first
    assert token_in_cookie(page.refresh(first)) == second  # a lost answer is repeated, as in a body
    access = page.refresh(second).json()["access_token"]
    assert page.api.call("GET", f"{AUTH}/me", access).json()["id"] == people.user.id


def test_tabs_get_one_successor_within_the_grace_period(page: Page, people: People) -> None:
    """In whatever order their requests arrive: some started before the first answer, some after it."""
    first = token_in_cookie(page.log_in(people.user.email))
    second = token_in_cookie(page.refresh(first))
    assert {token_in_cookie(page.refresh(token)) for token in (second, first, second, first)} == {second}
    age_rotations(page)
    third = token_in_cookie(page.refresh(second))
    assert third != second
    age_rotations(page)
    assert_problem(page.refresh(second), 401, INVALID)  # a reuse, as ever
    assert_cleared(page.refresh(third))


def step_up(page: Page, access: str, headers: dict[str, str]) -> httpx2.Response:
    return page.api.call("POST", f"{AUTH}/step-up", access, headers=headers, json={"password": PASSWORD})


def age_rotations(page: Page) -> None:
    """Let the grace period pass."""
    page.api.execute("UPDATE sessions SET rotated_at = '2020-01-01 00:00:00.000000'")


def test_a_refresh_under_way_at_a_step_up_leaves_the_new_cookie(page: Page, people: People) -> None:
    login = page.log_in(people.user.email)
    token = token_in_cookie(step_up(page, login.json()["access_token"], page.headers()))
    late = page.refresh(token_in_cookie(login))
    assert_problem(late, 401, INVALID)
    assert sets_no_cookie(late)
    token_in_cookie(page.refresh(token))


REJECTIONS: dict[str, dict[str, str | None]] = {
    "no CSRF header": {"Doorward_CSRF": None},
    "another origin": {"Origin": "https://evil.example"},
    "no origin": {"Origin": None, "Sec_Fetch_Site": None},
    "a sandboxed page": {"Origin": "null"},
    "a listed origin of another site": {"Sec_Fetch_Site": "cross-site"},
}


@pytest.mark.parametrize("why", REJECTIONS)
def test_a_cookie_without_its_page_is_rejected_and_stays(page: Page, people: People, why: str) -> None:
    token = token_in_cookie(page.log_in(people.user.email))
    response = page.refresh(token, **REJECTIONS[why])
    assert_problem(response, 403, REJECTED)
    assert sets_no_cookie(response)
    token_in_cookie(page.refresh(token))


@pytest.mark.parametrize("why", [why for why in REJECTIONS if why != "no CSRF header"])
def test_no_other_page_gets_a_cookie_at_login(page: Page, people: People, why: str) -> None:
    response = page.log_in(people.user.email, **REJECTIONS[why])
    assert_problem(response, 403, REJECTED)
    assert sets_no_cookie(response)


def test_a_page_of_the_apis_own_origin_needs_no_entry_in_the_list(page: Page, people: People) -> None:
    own = {"Origin": API, "Sec_Fetch_Site": "same-origin"}
    token = token_in_cookie(page.log_in(people.user.email, **own))
    token_in_cookie(page.refresh(token, **own))


@pytest.mark.parametrize("name", ["", "Console", "con-sole", "a" * 17, "x; Path=/"])
def test_a_cookies_name_is_short_and_plain(page: Page, people: People, name: str) -> None:
    assert_problem(page.log_in(people.user.email, Doorward_CSRF=name), 400, "invalid_cookie_name")


def test_a_form_of_another_page_cannot_refresh(page: Page, people: People) -> None:
    """A form sends cookies, were they not SameSite=Strict, and no header of its own."""
    token = token_in_cookie(page.log_in(people.user.email))
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://evil.example"}
    headers = {**form, "Cookie": f"{COOKIE}={token}"}
    empty = page.api.call("POST", f"{AUTH}/refresh-token", headers=headers)
    filled = page.api.call("POST", f"{AUTH}/refresh-token", headers=headers, content=b"a=b")
    assert (empty.status_code, empty.json()["code"]) == (400, REJECTED)  # the format of forms has no 403
    assert filled.status_code == 400
    assert sets_no_cookie(empty)
    assert sets_no_cookie(filled)
    token_in_cookie(page.refresh(token))


@pytest.mark.parametrize(
    "body",
    [
        {"json": {"refresh_token": "{}"}},
        {"data": {"grant_type": "refresh_token", "refresh_token": "{}"}},
    ],
)
@pytest.mark.parametrize("path", ["/refresh-token", "/token"])
def test_no_script_can_trade_the_cookies_token_for_one_in_a_body(
    page: Page, people: People, path: str, body: dict[str, dict[str, str]]
) -> None:
    token = token_in_cookie(page.log_in(people.user.email))
    sent = {kind: {**fields, "refresh_token": token} for kind, fields in body.items()}
    if path == "/token":
        sent = {kind: {**fields, "grant_type": "refresh_token"} for kind, fields in sent.items()}
    for headers in ({}, page.headers(), page.headers(Cookie=f"{COOKIE}={token}")):
        response = page.api.call("POST", f"{AUTH}{path}", None, headers, **sent)
        assert response.json()["code"] == INVALID
        assert "dwr_" not in response.text
    token_in_cookie(page.refresh(token))  # and the session goes on


def test_a_token_of_a_body_is_rejected_in_a_cookie(page: Page, people: People) -> None:
    assert_problem(page.refresh(people.user.refresh), 401, INVALID)
    assert page.api.refresh(people.user.refresh).status_code == 200


def test_a_body_is_judged_alone(page: Page, people: People) -> None:
    token = token_in_cookie(page.log_in(people.other.email))
    headers = page.headers(Cookie=f"{COOKIE}={token}")
    body = {"refresh_token": people.user.refresh}
    response = page.api.call("POST", f"{AUTH}/refresh-token", headers=headers, json=body)
    assert tokens_of(response).refresh != people.user.refresh
    assert sets_no_cookie(response)


def test_two_applications_have_cookies_of_their_own(page: Page, people: People) -> None:
    console = token_in_cookie(page.log_in(people.user.email))
    shop = Page(page.api, name="shop").log_in(people.other.email)
    assert cookie_of(shop)[0] == "__Secure-doorward_refresh_shop"
    mixed = page.refresh(cookie_of(shop)[1])
    assert_problem(mixed, 401, INVALID)  # the token of one is no token of the other
    token_in_cookie(page.refresh(console))


def test_a_cookie_that_comes_twice_is_no_cookie(page: Page, people: People) -> None:
    """A sibling of the API's host could have set one of them, and decide whose session this is."""
    token = token_in_cookie(page.log_in(people.user.email))
    response = page.refresh(f"{token}; {COOKIE}=dwr_of-a-sibling")
    assert_problem(response, 401, INVALID)


@pytest.mark.parametrize("token", [None, "", "nonsense", "dwr_" + "A" * 80])
def test_a_cookie_without_a_valid_token_is_removed(page: Page, token: str | None) -> None:
    response = page.refresh(token)
    assert_problem(response, 401, INVALID)
    assert_cleared(response)


def test_logout_removes_the_cookie_and_ends_the_session(page: Page, people: People) -> None:
    login = page.log_in(people.user.email)
    token, access = token_in_cookie(login), login.json()["access_token"]
    logout = page.api.call("POST", f"{AUTH}/logout", access, headers=page.headers())
    assert logout.status_code == 204
    assert_cleared(logout)
    ended = page.refresh(token)
    assert_problem(ended, 401, INVALID)
    assert_cleared(ended)


def test_logout_of_another_page_changes_nothing(page: Page, people: People) -> None:
    login = page.log_in(people.user.email)
    headers = page.headers(Origin="https://evil.example")
    rejected = page.api.call("POST", f"{AUTH}/logout", login.json()["access_token"], headers=headers)
    assert_problem(rejected, 403, REJECTED)
    token_in_cookie(page.refresh(token_in_cookie(login)))


def test_a_step_up_replaces_the_cookie_and_shows_no_token(page: Page, people: People) -> None:
    login = page.log_in(people.user.email)
    token, access = token_in_cookie(login), login.json()["access_token"]
    assert_problem(step_up(page, access, {}), 403, REJECTED)
    token = token_in_cookie(page.refresh(token))  # nothing was changed
    renewed = step_up(page, access, page.headers())
    assert token_in_cookie(renewed) != token
    token_in_cookie(page.refresh(token_in_cookie(renewed)))


def test_on_this_machine_plain_http_has_a_cookie_without_prefix(
    installation: Installation, people: People
) -> None:
    local = {"allowed_origins": ("http://localhost:5173",), "public_url": "http://127.0.0.1:8080"}
    with reconfigured(installation, **local) as api:
        response = Page(api, origin="http://localhost:5173").log_in(people.user.email)
    name, value, attributes = cookie_of(response)
    assert (name, value[:4]) == ("doorward_refresh_console", "dwr_")
    assert attributes.keys() == {"path", "max-age", "httponly", "samesite"}
