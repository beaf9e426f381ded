"""A whole sign-in to an application, through the pages: login, choice of the account, consent, way back."""

from urllib.parse import urlencode

import pytest

from integration.harness.installation import AUTH, Installation
from integration.harness.people import PASSWORD, People
from integration.oidc.provider import ORIGIN, REDIRECT, Client, answer_of, join_group, register
from integration.pages.browsing import Browser, Page

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture
def third_party(idp: Installation) -> Client:
    """A client of another team."""
    register(idp, "third", first_party=False)
    return Client(idp, "third")


@pytest.fixture
def browser(idp: Installation) -> Browser:
    return Browser(idp, ORIGIN)


def _request(client: Client, **changed: str | None) -> str:
    return f"{AUTH}/authorize?{urlencode(client.parameters(**changed))}"


def _go_on(browser: Browser, page: Page) -> dict[str, str]:
    """Follow the page between a form and the application; return the application's answer."""
    assert page.refresh is not None
    target = page.refresh.removeprefix("0; url=")
    return answer_of(browser.client.get(target, follow_redirects=False))


def _log_in(browser: Browser, client: Client, people: People, **changed: str | None) -> Page:
    """Sign in for a request, and follow the page that leads back to the endpoint."""
    page = browser.log_in(people.user.email, PASSWORD, _request(client, **changed))
    assert page.refresh is not None
    return browser.open(page.refresh.removeprefix("0; url="))


def test_an_application_of_the_installation_asks_nothing(
    browser: Browser, app: Client, people: People
) -> None:
    page = browser.log_in(people.user.email, PASSWORD, _request(app))
    answer = _go_on(browser, page)
    assert answer["state"] == "xyz"
    assert app.exchange(answer["code"]).status_code == 200


def test_another_application_gets_its_consent(browser: Browser, third_party: Client, people: People) -> None:
    page = _log_in(browser, third_party, people)
    assert "Third asks for access" in page.title
    assert "app.example.com" in page.text
    assert "see your email address" in page.text
    assert people.user.email in page.text
    answer = _go_on(browser, browser.send(page, "/auth/consent", {"decision": "allow"}))
    assert third_party.exchange(answer["code"]).status_code == 200
    again = browser.client.get(_request(third_party), follow_redirects=False)
    assert "code" in answer_of(again)


@pytest.mark.parametrize(("language", "nothing"), [("en", "and nothing else"), ("de", "sonst nichts")])
def test_an_application_that_asks_for_no_scope_can_recognise_the_user(
    browser: Browser, third_party: Client, people: People, language: str, nothing: str
) -> None:
    page = _log_in(browser, third_party, people, scope=None, ui_locales=language)
    assert nothing in page.text
    _go_on(browser, browser.send(page, "/auth/consent", {"decision": "allow"}))
    assert nothing in browser.open(f"/auth/account?lang={language}").text


def test_an_account_that_may_not_use_an_application_can_be_another(
    browser: Browser, idp: Installation, people: People
) -> None:
    register(idp, allowed_groups="ops")
    client = Client(idp)
    join_group(idp, people.other, "ops")
    rejected = _log_in(browser, client, people, prompt="login")
    assert (rejected.status, "may not use App" in rejected.text) == (403, True)
    [other] = [link for link in rejected.links if link.startswith("/auth/login?continue=")]
    answer = _go_on(browser, browser.log_in(people.other.email, PASSWORD, other))
    assert answer["state"] == "xyz"
    assert client.exchange(answer["code"]).status_code == 200
    # An error that no other account can mend offers none.
    assert not [link for link in browser.open("/auth/nothing").links if "login" in link]


def test_an_application_that_is_not_allowed_gets_an_error(
    browser: Browser, third_party: Client, people: People
) -> None:
    page = _log_in(browser, third_party, people)
    sent = browser.send(page, "/auth/consent", {"decision": "deny"})
    assert "signed in" not in sent.text + sent.title
    answer = _go_on(browser, sent)
    assert (answer["error"], answer["state"]) == ("access_denied", "xyz")
    assert third_party.installation.execute("SELECT COUNT(*) FROM consents") == [(0,)]


@pytest.mark.parametrize("fields", [{}, {"decision": "yes"}, {"decision": "allow", "form_code": "x"}])
def test_nothing_else_is_a_decision(
    browser: Browser, third_party: Client, people: People, fields: dict[str, str]
) -> None:
    page = browser.send(_log_in(browser, third_party, people), "/auth/consent", fields)
    assert "/auth/consent" in [form.action for form in page.forms]
    assert third_party.installation.execute("SELECT COUNT(*) FROM consents") == [(0,)]


def test_another_site_cannot_allow(browser: Browser, third_party: Client, people: People) -> None:
    page = _log_in(browser, third_party, people)
    headers = {"sec-fetch-site": "cross-site"}
    sent = browser.send(page, "/auth/consent", {"decision": "allow"}, headers=headers)
    assert sent.refresh is None
    assert third_party.installation.execute("SELECT COUNT(*) FROM consents") == [(0,)]


def test_the_user_chooses_an_account(browser: Browser, app: Client, people: People) -> None:
    _log_in(browser, app, people, prompt=None)
    page = browser.open(_request(app, prompt="select_account"))
    assert people.user.email in page.text
    [other] = [link for link in page.links if link.startswith("/auth/login?continue=")]
    assert "code" in _go_on(browser, browser.send(page, "/auth/choose-account"))
    changed = browser.log_in(people.other.email, PASSWORD, other)
    assert "code" in _go_on(browser, changed)
    assert people.other.email in browser.open("/auth/account").text


def test_a_consent_is_listed_and_withdrawn(browser: Browser, third_party: Client, people: People) -> None:
    page = _log_in(browser, third_party, people)
    answer = _go_on(browser, browser.send(page, "/auth/consent", {"decision": "allow"}))
    tokens = third_party.exchange(answer["code"]).json()
    account = browser.open("/auth/account?lang=de")
    assert "Third" in account.text
    assert "Kann Sie wiedererkennen · Ihre E-Mail-Adresse sehen" in account.text
    done = browser.send(account, "/auth/account/applications/withdraw")
    assert done.path == "/auth/account?done=withdrawn"
    assert browser.send(account, "/auth/account/applications/withdraw").path == "/auth/account"
    assert "refresh_token" not in tokens or third_party.refresh(tokens["refresh_token"]).status_code == 400
    assert "/auth/consent" in str(browser.open(_request(third_party)).response.url)


@pytest.mark.parametrize("path", ["/auth/consent", "/auth/choose-account"])
def test_a_question_without_a_request_leads_on(
    browser: Browser, third_party: Client, people: People, path: str
) -> None:
    _log_in(browser, third_party, people)
    assert browser.open(path).path == "/auth/account"
    assert browser.open(f"{path}?continue=https://evil.example/").path == "/auth/account"
    unknown = browser.open(f"{path}?{urlencode({'continue': f'{AUTH}/authorize?client_id=nobody'})}")
    assert unknown.status == 400
    assert "is not registered" in unknown.text


def test_an_unregistered_address_is_a_page_and_no_redirect(browser: Browser, app: Client) -> None:
    page = browser.open(_request(app, redirect_uri=REDIRECT + "/x"))
    assert page.status == 400
    assert "not registered for it" in page.text
    assert page.response.headers["x-frame-options"] == "DENY"
