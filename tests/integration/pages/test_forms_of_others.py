"""Forms of other sites and of other browsers change nothing, and the user can still go on."""

import pytest

from integration.harness.installation import Installation
from integration.harness.people import PASSWORD, People
from integration.pages.browsing import PUBLIC_URL, Browser

pytestmark = pytest.mark.databases("sqlite")

_FORMS = (
    "/auth/login",
    "/auth/register",
    "/auth/verify-email",
    "/auth/verify-email/resend",
    "/auth/accept-invitation",
    "/auth/forgot",
    "/auth/reset",
)


def _sessions(installation: Installation) -> int:
    [(count,)] = installation.execute("SELECT COUNT(*) FROM browser_sessions")
    return int(count)


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"sec-fetch-site": "cross-site", "origin": PUBLIC_URL},
    ],
)
def test_an_attacker_cannot_sign_a_browser_in(
    browser: Browser, installation: Installation, people: People, headers: dict[str, str]
) -> None:
    page = browser.open("/auth/login")
    fields = {"email": people.user.email, "password": PASSWORD}
    rejected = browser.send(page, "/auth/login", fields, headers=headers)
    assert rejected.status == 403
    assert _sessions(installation) == 0
    assert "Nothing was changed." in rejected.text


def test_the_rejected_form_is_filled_in_and_works_the_second_time(
    browser: Browser, installation: Installation, people: People
) -> None:
    """As after a browser has lost its cookies."""
    fields = {"email": people.user.email, "password": PASSWORD}
    page = browser.open("/auth/login?continue=/auth/logout")
    browser.client.cookies.clear()
    rejected = browser.send(page, "/auth/login", fields)
    assert rejected.status == 403
    form = rejected.form("/auth/login").fields
    assert (form["email"], form["password"], form["continue"]) == (people.user.email, "", "/auth/logout")
    assert browser.send(rejected, "/auth/login", {"password": PASSWORD}).path == "/auth/logout"
    assert _sessions(installation) == 1


def test_a_code_of_another_browser_or_another_form_is_rejected(
    browser: Browser, installation: Installation, people: People
) -> None:
    fields = {"email": people.user.email, "password": PASSWORD}
    browser.open("/auth/login")
    others = Browser(installation).open("/auth/login")
    assert browser.send(others, "/auth/login", fields).status == 403
    code = browser.open("/auth/forgot").form("/auth/forgot").fields["form_code"]
    page = browser.open("/auth/login")
    assert browser.send(page, "/auth/login", {**fields, "form_code": code}).status == 403
    assert _sessions(installation) == 0


@pytest.mark.parametrize("path", _FORMS)
def test_every_form_is_protected(browser: Browser, path: str) -> None:
    page = browser.open(path)
    page.form(path).fields["form_code"] = "x"
    assert browser.send(page, path).status == 403


def test_signing_out_and_ending_sessions_are_protected(
    browser: Browser, installation: Installation, people: People
) -> None:
    account = browser.log_in(people.user.email, PASSWORD)
    end = next(form for form in account.forms if form.action == "/auth/account/sessions/end")
    for path in ("/auth/logout", "/auth/account/sessions/end-others", end.action):
        rejected = browser.client.post(path, data={**end.fields, "form_code": "x"})
        assert rejected.status_code == 403
    assert _sessions(installation) == 1
    assert browser.open("/auth/account").path == "/auth/account"
    assert installation.refresh(people.user.refresh).status_code == 200


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"email=%ff", "application/x-www-form-urlencoded", 400),
        (b"email=a&email=b", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a%d=" % number for number in range(50)), "application/x-www-form-urlencoded", 400),
        (b"{}", "application/json", 415),
        (b"--x", "multipart/form-data; boundary=x", 400),
        (b"a=" + b"x" * 200_000, "application/x-www-form-urlencoded", 413),
    ],
)
def test_a_body_that_is_no_form_is_rejected(
    browser: Browser, content: bytes, media_type: str, status: int
) -> None:
    response = browser.client.post("/auth/login", content=content, headers={"content-type": media_type})
    assert response.status_code == status
