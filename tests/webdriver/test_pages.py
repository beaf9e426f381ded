"""The journeys through the pages that every user takes."""

import re

import pytest

from support.administrator import User
from support.services import Admin
from webdriver.conftest import Visit
from webdriver.drivers import Look
from webdriver.edge import WIKI
from webdriver.installation import ADMIN, Installation
from webdriver.protocol import Element
from webdriver.visitor import Visitor

HEADINGS = {
    "en-GB": ("Sign in", "Your account", "Sign out?", "You are signed out"),
    "de-DE": ("Anmelden", "Ihr Konto", "Abmelden?", "Sie sind abgemeldet"),
}


def sign_in(visitor: Visitor, user: Admin | User = ADMIN) -> None:
    visitor.submit(email=user.email, password=user.password)


@pytest.mark.parametrize("language", HEADINGS)
def test_sign_in_and_out(visit: Visit, installation: Installation, language: str) -> None:
    login, account, question, signed_out = HEADINGS[language]
    with visit(Look(language)) as visitor:
        visitor.open(installation.page("/auth/account"))
        visitor.sees(login)
        visitor.has_focus("[name=email]")
        visitor.submit(email=ADMIN.email, password="wrong password")
        visitor.has_focus("[role=alert]")
        assert visitor.find("[name=email]").property("value") == ADMIN.email
        visitor.submit(password=ADMIN.password)
        visitor.sees(account)
        assert ADMIN.email in visitor.reads("main")
        assert {name for name in visitor.session.cookies if "sso" in name} == {"__Host-doorward_sso"}
        visitor.session.reload()
        visitor.sees(account)
        visitor.press("main a[href='/auth/logout']")
        visitor.sees(question)
        visitor.press("form button[type=submit]")
        visitor.sees(signed_out)
        # Browsers keep pages to go back to: of an account they must not.
        visitor.session.back()
        visitor.session.back()
        visitor.sees(login)


def open_mail(visitor: Visitor, installation: Installation, email: str) -> None:
    """Open the mail to an address in the development mailbox."""
    link = f"//tr[td[normalize-space()='{email}']]//a"

    def listed() -> Element:
        visitor.open(installation.server.mailbox_page)
        return visitor.session.find(link, by="xpath")

    visitor.until(listed, f"mail to {email}").click()
    visitor.find("pre")


@pytest.mark.parametrize("way", ["code", "link"])
def test_registration_by_mail(visitor: Visitor, installation: Installation, way: str) -> None:
    email = f"grace-{way}-{visitor.browser}@example.com"
    visitor.open(installation.page("/auth/login"))
    visitor.press(".aside a")
    visitor.sees("Create an account")
    visitor.submit(name="Grace Hopper", email=email, password="a nanosecond of wire")
    visitor.sees("Confirm your email address")
    open_mail(visitor, installation, email)
    if way == "link":
        visitor.press("pre a")
        visitor.sees("Confirm your email address")
        visitor.submit()
    else:
        code = re.search(r"^ +(dwv_\S+)$", visitor.reads("pre"), re.MULTILINE)
        assert code is not None
        visitor.session.enter_frame(visitor.find("iframe"))
        assert code[1] in visitor.reads("body")
        visitor.open(installation.page("/auth/verify-email"))
        visitor.submit(code=code[1])
    visitor.sees("Your account")
    assert "Grace Hopper" in visitor.reads("main")


def test_a_forgotten_password(visitor: Visitor, installation: Installation) -> None:
    user = installation.add_user()
    visitor.open(installation.page("/auth/login"))
    visitor.press("a[href^='/auth/forgot']")
    visitor.sees("Forgotten your password?")
    visitor.submit(email=user.email)
    visitor.find("[role=status]")
    open_mail(visitor, installation, user.email)
    pin = re.search(r"^ +(\d{6})$", visitor.reads("pre"), re.MULTILINE)
    assert pin is not None
    visitor.open(installation.page("/auth/reset"))
    visitor.submit(email=user.email, pin=pin[1], new_password="another password of mine")
    visitor.sees("Sign in")
    visitor.find("[role=status]")
    visitor.submit(email=user.email, password="another password of mine")
    visitor.sees("Your account")


def test_an_application_asks_for_consent(visitor: Visitor, installation: Installation) -> None:
    user = installation.add_user()
    request = installation.authorization_request("wiki", installation.at(WIKI, "/callback"))
    visitor.open(request)
    visitor.sees("Sign in")
    sign_in(visitor, user)
    visitor.sees("Wiki asks for access")
    visitor.press("button[value=deny]")
    visitor.sees("Denied")
    visitor.open(request)
    visitor.sees("Wiki asks for access")
    visitor.press("button[value=allow]")
    visitor.sees("Welcome")
    # The second time there is nothing to ask.
    visitor.open(request)
    visitor.sees("Welcome")


def test_two_tabs_disturb_nothing(visitor: Visitor, installation: Installation) -> None:
    user = installation.add_user()
    visitor.open(installation.page("/auth/login"))
    first = visitor.session.open_tab()
    visitor.open(installation.page("/auth/forgot"))
    second = visitor.session.window
    visitor.session.switch_to(first)
    sign_in(visitor, user)
    visitor.sees("Your account")
    visitor.session.switch_to(second)
    visitor.submit(email="nobody@example.com")
    visitor.find("[role=status]")


def test_the_way_to_an_upstream(visitor: Visitor, installation: Installation) -> None:
    visitor.open(installation.page("/auth/login"))
    visitor.press("button[value=git-server]")
    visitor.sees("Welcome")
    assert "code_challenge=" in visitor.session.url


def test_development_without_tls(visitor: Visitor, installation: Installation) -> None:
    """Browsers take neither `__Host-` nor `Secure` cookies from http; WebKit not even from this machine."""
    visitor.open(f"{installation.development.url}/auth/login")
    sign_in(visitor)
    visitor.sees("Your account")
    visitor.session.reload()
    visitor.sees("Your account")
    visitor.open(f"{installation.development.url}/docs")
    visitor.find(".opblock-tag")
