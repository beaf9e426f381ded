"""Registration, verification and invitation with a browser."""

from datetime import timedelta
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from doorward_identity.tables import browser_sessions, pending_registrations
from integration.harness.installation import USERS, Installation, reconfigured
from integration.harness.people import People
from integration.pages.browsing import PUBLIC_URL, Browser
from integration.self_service.mailbox import Mailbox

pytestmark = pytest.mark.databases("sqlite")

EMAIL = "ada@example.com"
PASSWORD = "the analytical engine"


def _register(browser: Browser, email: str = EMAIL) -> None:
    page = browser.open("/auth/register?continue=/auth/logout")
    fields = {"email": email, "password": PASSWORD, "name": "Ada Lovelace"}
    assert browser.send(page, "/auth/register", fields).path == "/auth/verify-email?continue=%2Fauth%2Flogout"


def test_a_registration_is_verified_in_the_same_browser(
    browser: Browser, installation: Installation, mailbox: Mailbox
) -> None:
    _register(browser)
    mail = mailbox.last_to(EMAIL)
    link = f"{PUBLIC_URL}/auth/verify-email?code={mail.code}"
    assert link in mail.text
    page = browser.open(link)
    assert page.form("/auth/verify-email").fields["code"] == mail.code
    assert "password" not in page.form("/auth/verify-email").fields
    # Signed in, and on the way that began before the mail.
    assert browser.send(page, "/auth/verify-email").path == "/auth/logout"
    assert "Ada Lovelace" in browser.open("/auth/account").text
    assert "doorward_registration" not in browser.client.cookies
    assert Browser(installation).log_in(EMAIL, PASSWORD).path == "/auth/account"


def test_a_user_returns_to_the_application_that_the_registration_began_at(
    browser: Browser, mailbox: Mailbox
) -> None:
    target = "/api/v1/auth/authorize?client_id=app&state=a%26b"
    page = browser.open(f"/auth/register?continue={quote(target)}")
    browser.send(page, "/auth/register", {"email": EMAIL, "password": PASSWORD})
    linked = browser.open(f"/auth/verify-email?code={mailbox.last_to(EMAIL).code}")
    assert browser.send(linked, "/auth/verify-email").refresh == f"0; url={target}"


def test_the_session_of_a_registration_was_proven_when_the_password_was_given(
    browser: Browser, installation: Installation, mailbox: Mailbox
) -> None:
    """An application that requires a recent sign-in accepts this session."""
    _register(browser)
    earlier = timedelta(hours=5)
    [(expires_at,)] = installation.execute(sa.select(pending_registrations.c.expires_at))
    installation.execute(pending_registrations.update().values(expires_at=expires_at - earlier))
    browser.send(browser.open(f"/auth/verify-email?code={mailbox.last_to(EMAIL).code}"), "/auth/verify-email")
    [(auth_time, created_at)] = installation.execute(
        sa.select(browser_sessions.c.auth_time, browser_sessions.c.created_at)
    )
    assert earlier <= created_at - auth_time < earlier + timedelta(minutes=5)


@pytest.mark.parametrize("kept", ["", ".", ".%%", ".aHR0cHM6Ly9ldmlsLmV4YW1wbGUv", ".w6Q", ".YQ.YQ"])
def test_a_cookie_without_a_target_of_ours_leads_to_the_account(
    browser: Browser, mailbox: Mailbox, kept: str
) -> None:
    _register(browser)
    name = "doorward_registration"
    token = browser.client.cookies[name].partition(".")[0]
    browser.client.cookies.delete(name)
    browser.client.cookies.set(name, token + kept)
    page = browser.open(f"/auth/verify-email?code={mailbox.last_to(EMAIL).code}")
    assert browser.send(page, "/auth/verify-email").path == "/auth/account"


def test_a_target_that_is_too_long_for_a_cookie_is_left_out(browser: Browser) -> None:
    page = browser.open(f"/auth/register?continue={quote('/auth/logout?' + 'a' * 2_900)}")
    browser.send(page, "/auth/register", {"email": EMAIL, "password": PASSWORD})
    assert "." not in browser.client.cookies["doorward_registration"]


def test_opening_the_link_uses_nothing_up(
    browser: Browser, installation: Installation, mailbox: Mailbox
) -> None:
    _register(browser)
    link = f"/auth/verify-email?code={mailbox.last_to(EMAIL).code}"
    browser.open(link)
    page = browser.open(link)
    assert installation.execute("SELECT COUNT(*) FROM users") == [(0,)]
    assert browser.send(page, "/auth/verify-email").path == "/auth/logout"


def test_another_browser_chooses_the_password_with_the_code(
    browser: Browser, installation: Installation, mailbox: Mailbox
) -> None:
    """A registration in another person's browser does not choose the password."""
    _register(browser)
    other = Browser(installation)
    page = other.open(f"/auth/verify-email?code={mailbox.last_to(EMAIL).code}")
    assert page.form("/auth/verify-email").fields["password"] == ""
    asked = other.send(page, "/auth/verify-email")
    assert asked.status == 422
    assert "Choose the password of your account now." in asked.text
    done = other.send(asked, "/auth/verify-email", {"password": "a difference engine"})
    assert done.path == "/auth/login?done=registered"
    assert other.log_in(EMAIL, PASSWORD).status == 401
    assert other.log_in(EMAIL, "a difference engine").path == "/auth/account"


@pytest.mark.parametrize("password", ["", "a difference engine"])
def test_a_registration_is_the_cookies_and_not_the_forms(
    browser: Browser, installation: Installation, mailbox: Mailbox, password: str
) -> None:
    _register(browser)
    token = browser.client.cookies["doorward_registration"].partition(".")[0]
    other = Browser(installation)
    page = other.open(f"/auth/verify-email?code={mailbox.last_to(EMAIL).code}")
    sent = other.send(page, "/auth/verify-email", {"registration_token": token, "password": password})
    assert (sent.status, sent.path) == (
        (200, "/auth/login?done=registered") if password else (422, "/auth/verify-email")
    )
    assert other.open("/auth/account").path.startswith("/auth/login"), "not signed in"


def test_a_password_with_the_code_signs_no_user_in(browser: Browser, mailbox: Mailbox) -> None:
    """The code could be for another person's address, also in a browser that has registered."""
    _register(browser)
    page = browser.open(f"/auth/verify-email?code={mailbox.last_to(EMAIL).code}")
    sent = browser.send(page, "/auth/verify-email", {"password": "a difference engine"})
    assert sent.path.startswith("/auth/login?")
    assert browser.log_in(EMAIL, "a difference engine").path == "/auth/account"


def test_known_and_unknown_addresses_get_the_same_answer(
    browser: Browser, people: People, mailbox: Mailbox
) -> None:
    first = browser.open("/auth/register")
    answers = []
    for email in (people.user.email, "new@example.com"):
        response = browser.client.post(
            "/auth/register",
            data={**first.form("/auth/register").fields, "email": email, "password": PASSWORD},
            follow_redirects=False,
        )
        cookie = response.headers["set-cookie"]
        headers = sorted(set(response.headers) - {"date"})
        answers.append((response.status_code, response.headers["location"], response.content, headers))
        assert len(cookie.partition(";")[0]) == len("doorward_registration=dwg_") + 64
    assert answers[0] == answers[1]
    assert len(mailbox.mails_to(people.user.email)) == len(mailbox.mails_to("new@example.com")) == 1


def test_the_mail_is_sent_again(browser: Browser, mailbox: Mailbox) -> None:
    _register(browser)
    page = browser.open("/auth/verify-email/resend")
    assert browser.send(page, "/auth/verify-email/resend", {"email": EMAIL}).path == "/auth/verify-email"
    assert len(mailbox.mails_to(EMAIL)) == 2


@pytest.mark.parametrize(
    ("fields", "invalid"),
    [
        ({"email": "ada@"}, ["email"]),
        ({"email": EMAIL, "password": "short"}, ["password"]),
        ({"email": EMAIL, "password": "password1"}, ["password"]),
        ({"email": EMAIL, "password": "ada@example.com"}, ["password"]),
        ({"email": EMAIL, "password": PASSWORD, "name": "\x07"}, ["name"]),
        ({"email": EMAIL, "password": "x" * 2000}, ["password"]),
    ],
)
def test_mistakes_are_shown_at_their_fields(
    browser: Browser, fields: dict[str, str], invalid: list[str]
) -> None:
    page = browser.send(browser.open("/auth/register"), "/auth/register", {"password": PASSWORD, **fields})
    assert (page.status, page.invalid) == (422, invalid)
    assert page.form("/auth/register").fields["email"] == fields["email"]
    assert PASSWORD not in page.response.text
    assert page.title.startswith("Error: ")


def test_closed_registration_says_so(browser: Browser, installation: Installation) -> None:
    with reconfigured(installation, registration="closed", public_url=PUBLIC_URL) as closed:
        page = Browser(closed).open("/auth/register")
        assert page.status == 403
        assert "Registration is closed." in page.text
        assert "/auth/register" not in Browser(closed).open("/auth/login").links
    assert "/auth/register" in browser.open("/auth/login").links


def test_an_invitation_is_accepted(
    browser: Browser, installation: Installation, people: People, mailbox: Mailbox
) -> None:
    body = {"email": EMAIL, "name": "Ada"}
    assert installation.call("POST", USERS, people.admin.access, json=body).status_code == 201
    mail = mailbox.last_to(EMAIL)
    link = f"{PUBLIC_URL}/auth/accept-invitation?code={mail.code}"
    assert link in mail.text
    page = browser.open(link)
    bad = browser.send(page, "/auth/accept-invitation", {"password": "short"})
    assert (bad.status, bad.invalid) == (422, ["password"])
    done = browser.send(bad, "/auth/accept-invitation", {"password": PASSWORD})
    assert done.path == "/auth/login?done=invited"
    assert browser.log_in(EMAIL, PASSWORD).path == "/auth/account"
    again = browser.send(page, "/auth/accept-invitation", {"password": PASSWORD})
    assert (again.status, again.invalid) == (400, ["code"])
