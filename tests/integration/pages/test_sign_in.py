"""Signing in with a browser: the steps, the redirect, what is kept and what is never shown again."""

from urllib.parse import quote

import pytest

from integration.harness.installation import AUTH, Installation
from integration.harness.people import PASSWORD, People, disable
from integration.harness.problems import assert_problem
from integration.pages.browsing import Browser
from integration.self_service.mailbox import Mailbox

pytestmark = pytest.mark.databases("sqlite")  # the rules behind the pages are tested on every database

AUTHORIZE = "/api/v1/auth/authorize?client_id=app&state=a%26b&login_hint=ada%40example.com&ui_locales=de"


def test_a_password_opens_a_session_of_the_browser(browser: Browser, people: People) -> None:
    assert browser.open("/auth/account").path == "/auth/login?continue=%2Fauth%2Faccount"
    page = browser.log_in(people.user.email, PASSWORD)
    assert page.path == "/auth/account"
    assert people.user.email in page.text
    assert browser.open("/auth/account").path == "/auth/account"


def test_signing_in_again_leaves_one_session_of_the_browser(
    browser: Browser, installation: Installation, people: People
) -> None:
    for email in (people.user.email, people.user.email, people.other.email):
        browser.log_in(email, PASSWORD)
        assert installation.execute("SELECT COUNT(*) FROM browser_sessions") == [(1,)]
    assert people.other.email in browser.open("/auth/account").text


def test_a_wrong_password_keeps_the_address_and_no_password(browser: Browser, people: People) -> None:
    page = browser.log_in(people.user.email, "not the password", f"/auth/login?continue={quote(AUTHORIZE)}")
    assert page.status == 401
    assert page.title.startswith("Fehler: ")
    fields = page.form("/auth/login").fields
    assert fields["email"] == people.user.email
    assert fields["password"] == ""
    assert fields["continue"] == AUTHORIZE
    assert "not the password" not in page.response.text


def test_an_unknown_address_and_a_wrong_password_get_the_same_page(browser: Browser, people: People) -> None:
    first = browser.open("/auth/login")
    pages = [
        browser.send(first, "/auth/login", {"email": email, "password": "not the password"})
        for email in (people.user.email, "nobody@example.com")
    ]
    known, unknown = (page.response.text for page in pages)
    assert known.replace(people.user.email, "nobody@example.com") == unknown
    assert pages[0].status == pages[1].status == 401


def test_the_way_to_an_application_is_no_redirect_of_a_form(browser: Browser, people: People) -> None:
    """Chromium applies `form-action` to all redirects that follow a form."""
    page = browser.log_in(people.user.email, PASSWORD, f"/auth/login?continue={quote(AUTHORIZE)}")
    assert (page.status, page.refresh) == (200, f"0; url={AUTHORIZE}")
    assert AUTHORIZE in page.links


def test_the_request_of_an_application_fills_in_the_address_and_chooses_the_language(
    browser: Browser,
) -> None:
    page = browser.open(f"/auth/login?continue={quote(AUTHORIZE)}")
    assert page.form("/auth/login").fields["email"] == "ada@example.com"
    assert page.language == "de"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/auth/account",
        "/\\evil.example",
        "/auth/../../evil",
        "/auth//evil.example",
        "/auth/account\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "/api/v1/auth/logout?",
        "/api/v1/auth/authorize",
        "/AUTH/account",
        "/auth/account#@evil.example",
        "/api/v1/auth/authorize?" + "a" * 8192,
    ],
)
def test_a_target_elsewhere_is_none(browser: Browser, people: People, target: str) -> None:
    page = browser.log_in(people.user.email, PASSWORD, f"/auth/login?continue={quote(target)}")
    assert page.path == "/auth/account"


def test_a_temporary_password_is_replaced_and_then_the_session_opens(
    browser: Browser, installation: Installation, people: People
) -> None:
    installation.execute("UPDATE credentials SET must_change = 1")
    page = browser.log_in(people.user.email, PASSWORD, f"/auth/login?continue={quote(AUTHORIZE)}")
    assert page.status == 200
    again = browser.send(page, "/auth/login/new-password", {"new_password": "short"})
    assert (again.status, again.invalid) == (422, ["new_password"])
    assert again.form("/auth/login/new-password").fields["sign_in_token"].startswith("dws_")
    done = browser.send(again, "/auth/login/new-password", {"new_password": "the analytical engine"})
    assert done.refresh == f"0; url={AUTHORIZE}"
    assert browser.open("/auth/account").path == "/auth/account"


def test_an_unproven_address_needs_the_mailed_code(
    browser: Browser, installation: Installation, people: People, mailbox: Mailbox
) -> None:
    installation.execute("UPDATE users SET email_verified_at = NULL WHERE role = 'user'")
    page = browser.log_in(people.user.email, PASSWORD)
    wrong = browser.send(page, "/auth/login/email-code", {"pin": "000000"})
    assert (wrong.status, wrong.invalid) == (400, ["pin"])
    pin = mailbox.last_to(people.user.email).pin
    assert browser.send(wrong, "/auth/login/email-code", {"pin": pin}).path == "/auth/account"


def test_a_step_that_is_over_begins_anew_for_the_same_application(
    browser: Browser, installation: Installation, people: People
) -> None:
    installation.execute("UPDATE credentials SET must_change = 1")
    page = browser.log_in(people.user.email, PASSWORD, f"/auth/login?continue={quote(AUTHORIZE)}")
    installation.execute("DELETE FROM sign_ins")
    again = browser.send(page, "/auth/login/new-password", {"new_password": "the analytical engine"})
    assert again.status == 401
    assert again.form("/auth/login").fields["continue"] == AUTHORIZE


NEW_PASSWORD = "/auth/login/new-password"
EMAIL_CODE = "/auth/login/email-code"


@pytest.mark.parametrize("step", [NEW_PASSWORD, EMAIL_CODE])
def test_a_step_goes_on_in_its_browser_only(
    browser: Browser, installation: Installation, people: People, mailbox: Mailbox, step: str
) -> None:
    answer, grant = _needs(installation, step)
    page = browser.log_in(people.user.email, PASSWORD)
    if step == EMAIL_CODE:
        answer = {"pin": mailbox.last_to(people.user.email).pin}
    token = page.form(step).fields["sign_in_token"]
    attacker = Browser(installation)
    code = _form_code(attacker, people, step)
    rejected = attacker.client.post(
        step, data={**answer, "sign_in_token": token, "form_code": code}, follow_redirects=False
    )
    assert rejected.status_code == 401
    assert "Sign in again." in rejected.text
    body = {"grant_type": grant, "sign_in_token": token, **answer}
    at_the_api = installation.call("POST", f"{AUTH}/token", json=body)
    assert_problem(at_the_api, 401, "invalid_sign_in_token")
    assert installation.execute("SELECT COUNT(*) FROM browser_sessions") == [(0,)]
    assert browser.send(page, step, answer).path == "/auth/account"


@pytest.mark.parametrize("step", [NEW_PASSWORD, EMAIL_CODE])
def test_a_token_of_the_api_is_none_in_a_page(
    browser: Browser, installation: Installation, people: People, mailbox: Mailbox, step: str
) -> None:
    answer, _ = _needs(installation, step)
    rejection = installation.call(
        "POST", f"{AUTH}/token", json={"email": people.user.email, "password": PASSWORD}
    )
    token = rejection.json()["sign_in_token"]
    page = browser.log_in(people.user.email, PASSWORD)
    if step == EMAIL_CODE:
        answer = {"pin": mailbox.last_to(people.user.email).pin}
    rejected = browser.send(page, step, {**answer, "sign_in_token": token})
    assert (rejected.status, rejected.path) == (401, step)
    assert installation.execute("SELECT COUNT(*) FROM browser_sessions") == [(0,)]


def _needs(installation: Installation, step: str) -> tuple[dict[str, str], str]:
    """Let every sign-in need a step; return a right answer to it, and its grant type."""
    if step == NEW_PASSWORD:
        installation.execute("UPDATE credentials SET must_change = 1")
        return {"new_password": "the analytical engine"}, "urn:doorward:grant:new-password"
    installation.execute("UPDATE users SET email_verified_at = NULL WHERE role = 'user'")
    return {"pin": "000000"}, "urn:doorward:grant:email-code"


def _form_code(browser: Browser, people: People, step: str) -> str:
    """Return the code of a step's form in this browser, as its own sign-in shows it."""
    return browser.log_in(people.user.email, PASSWORD).form(step).fields["form_code"]


def test_a_chosen_language_stays_whatever_the_application_asks_for(browser: Browser, people: People) -> None:
    """In the request, in the form that is shown again, and on pages of errors."""
    asked = f"/auth/login?continue={quote(AUTHORIZE)}"  # with ui_locales=de
    assert browser.open(asked).language == "de"
    chosen = browser.open(f"{asked}&lang=en")
    assert chosen.language == "en"
    fields = {"email": people.user.email, "password": "not the password"}
    assert browser.send(chosen, "/auth/login", fields).language == "en"
    assert browser.open(asked).language == "en"
    assert browser.open("/auth/nothing?ui_locales=de").language == "en"


def test_a_disabled_account_is_reported_only_after_the_right_password(
    browser: Browser, installation: Installation, people: People
) -> None:
    disable(installation, people.admin, people.user)
    assert "disabled" not in browser.log_in(people.user.email, "not the password").text
    page = browser.log_in(people.user.email, PASSWORD)
    assert page.status == 403
    assert "This account is disabled." in page.text


def test_too_many_attempts_say_how_long_to_wait(browser: Browser, people: People) -> None:
    pages = [browser.log_in(people.user.email, "not the password") for _ in range(12)]
    limited = [page for page in pages if page.status == 429]
    assert limited
    assert int(limited[0].response.headers["retry-after"]) > 0
    assert "Too many attempts. Try again in" in limited[0].text
    assert limited[0].form("/auth/login").fields["email"] == people.user.email


def test_only_forms_that_a_limit_rejects_wait(
    browser: Browser, installation: Installation, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[None] = []

    async def wait() -> None:
        waits.append(None)

    monkeypatch.setattr(installation.auth_app.state.resources.rejections, "wait", wait)
    statuses = [browser.log_in(people.user.email, "not the password").status for _ in range(12)]
    assert 429 in statuses
    assert len(waits) == statuses.count(429) < len(statuses)


def test_a_known_device_is_not_blocked_by_what_others_try(
    browser: Browser, installation: Installation, people: People
) -> None:
    browser.log_in(people.user.email, PASSWORD)
    attacker = Browser(installation)
    statuses = [attacker.log_in(people.user.email, "not the password").status for _ in range(12)]
    assert 429 in statuses
    assert browser.log_in(people.user.email, PASSWORD).path == "/auth/account"


@pytest.mark.parametrize("fields", [{}, {"email": "ada@example.com"}, {"password": "x"}, {"remember": "yes"}])
def test_incomplete_forms_name_what_is_missing(browser: Browser, fields: dict[str, str]) -> None:
    page = browser.send(browser.open("/auth/login"), "/auth/login", fields)
    assert page.status == 422
    assert page.invalid == [name for name in ("email", "password") if name not in fields]
