"""Signing in on our page with the password of an upstream's account."""

import json
from collections.abc import Iterator

import pytest

from integration.pages.browsing import PUBLIC_URL, Browser, Page
from integration.upstream.installation import ADA, SECRET, UpstreamSetup, installed_with
from support.example_upstream import ExampleUpstream
from support.reaper import temporary_folder

pytestmark = pytest.mark.databases("sqlite")

PAGE = "/auth/login/password/theapi"
WRONG = "The API does not accept this name with this password."


@pytest.fixture(scope="module")
def running() -> Iterator[UpstreamSetup]:
    with (
        temporary_folder() as folder,
        ExampleUpstream(folder) as example,
        installed_with(
            folder,
            {"theapi": example.settings(title="The API", claims={"login": "/user/username"})},
            public_url=PUBLIC_URL,
        ) as api,
    ):
        yield UpstreamSetup(api, example)


@pytest.fixture
def setup(running: UpstreamSetup) -> UpstreamSetup:
    """Ada has an account at the upstream and here."""
    running.api.wipe()
    running.example.restart()
    assert running.register().status_code == 201
    return running


def log_in(browser: Browser, password: str = SECRET, path: str = PAGE, **fields: str) -> Page:
    return browser.send(browser.open(path), PAGE, {"email": ADA, "password": password, **fields})


def sessions(setup: UpstreamSetup) -> list[tuple[object, ...]]:
    return setup.api.execute("SELECT is_remembered, extensions FROM browser_sessions")


def test_the_page_and_its_button_have_the_title_of_the_settings(setup: UpstreamSetup) -> None:
    browser = Browser(setup.api)
    assert "Continue with The API" in browser.open("/auth/login").text
    assert "Sign in with The API" in browser.open(PAGE).title


def test_mistakes_are_listed_in_the_order_of_the_fields(setup: UpstreamSetup) -> None:
    browser = Browser(setup.api)
    page = browser.send(browser.open(PAGE), PAGE, {"email": "", "password": ""})
    assert [link for link in page.links if link.startswith("#")] == ["#email", "#password"]


def test_the_login_page_leads_to_the_form_and_on_to_the_application(setup: UpstreamSetup) -> None:
    browser = Browser(setup.api)
    authorize = "/api/v1/auth/authorize?client_id=app&login_hint=ada%40example.com"
    login = browser.open("/auth/login", params={"continue": authorize})
    [link] = [one for one in login.links if one.startswith(PAGE)]
    page = browser.open(link)
    assert page.form(PAGE).fields["email"] == ADA
    done = browser.send(page, PAGE, {"password": SECRET})
    assert done.refresh == f"0; url={authorize}"
    assert len(sessions(setup)) == 1
    assert setup.api.execute("SELECT COUNT(*) FROM upstream_grants WHERE session_id IS NULL") == [(1,)]


def test_a_session_may_be_remembered_and_has_what_the_upstream_says(setup: UpstreamSetup) -> None:
    browser = Browser(setup.api)
    assert log_in(browser, remember="on").path == "/auth/account"
    [(is_remembered, extensions)] = sessions(setup)
    assert is_remembered
    assert json.loads(str(extensions)) == {"login": ADA}
    assert log_in(browser).path == "/auth/account"
    [(is_remembered, _)] = sessions(setup)
    assert not is_remembered


def test_a_wrong_password_shows_the_form_again(setup: UpstreamSetup) -> None:
    page = log_in(Browser(setup.api), "wrong", remember="on")
    assert page.status == 401
    assert WRONG in page.text
    assert page.form(PAGE).fields.items() >= {"email": ADA, "remember": "on"}.items()
    assert "password" not in page.form(PAGE).fields or not page.form(PAGE).fields["password"]
    assert sessions(setup) == []


def test_guesses_share_the_limit_of_the_api_and_a_known_device_is_not_stopped(setup: UpstreamSetup) -> None:
    ada = Browser(setup.api)
    assert log_in(ada).path == "/auth/account"
    attacker = Browser(setup.api)
    statuses = [log_in(attacker, "guess").status for _ in range(12)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert setup.log_in(password=SECRET).status_code == 429
    assert log_in(ada).path == "/auth/account"


def test_a_form_of_another_site_opens_nothing(setup: UpstreamSetup) -> None:
    browser = Browser(setup.api)
    page = browser.open(PAGE)
    page.form(PAGE).fields["form_code"] = "x"
    sent = browser.send(page, PAGE, {"email": ADA, "password": SECRET})
    assert sent.status == 403
    assert sessions(setup) == []


def test_a_failing_upstream_is_reported_in_the_language_of_the_page(setup: UpstreamSetup) -> None:
    setup.example.will("html500", path="/api/login", times=1)
    browser = Browser(setup.api, **{"accept-language": "de"})
    page = log_in(browser)
    assert page.status in {502, 503}
    assert "Diese Anmeldung" in page.text
    assert log_in(browser).path == "/auth/account"


def test_an_unknown_upstream_has_no_page(setup: UpstreamSetup) -> None:
    page = Browser(setup.api).open("/auth/login/password/nobody")
    assert (page.status, page.language) == (404, "en")
    assert "no longer exists" in page.text
