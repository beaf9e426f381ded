"""Journeys through the pages in a real browser: with the keyboard alone, and without JavaScript."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.pages import ADMIN_EMAIL, ADMIN_PASSWORD, Visit, link_to, visit
from support.standalone import Standalone


@pytest.fixture(params=[True, False], ids=["with-scripts", "without-scripts"])
def visitor(chromium: Browser, pages: Standalone, request: pytest.FixtureRequest) -> Iterator[Visit]:
    with visit(chromium, pages, java_script_enabled=request.param) as visitor:
        yield visitor


def _heading(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def test_the_account_leads_to_the_login_and_back(visitor: Visit) -> None:
    page = visitor.open("/auth/account")
    _heading(page, "Sign in")
    visitor.sign_in()
    _heading(page, "Your account")
    expect(page.get_by_text(ADMIN_EMAIL)).to_be_visible()
    page.get_by_role("link", name="Sign out").click()
    page.get_by_role("button", name="Sign out").click()
    _heading(page, "You are signed out")
    visitor.open("/auth/account")
    _heading(page, "Sign in")


def test_registration_by_mail(visitor: Visit, pages: Standalone, request: pytest.FixtureRequest) -> None:
    email = f"grace-{request.node.callspec.id}@example.com"
    page = visitor.open("/auth/login")
    page.get_by_role("link", name="Create one").click()
    page.get_by_label("Name").fill("Grace Hopper")
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password").fill("a nanosecond of wire")
    page.get_by_role("button", name="Create account").click()
    _heading(page, "Confirm your email address")
    page.goto(link_to(pages, email))
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("Grace Hopper")).to_be_visible()


def test_a_mistake_takes_the_focus_and_leads_to_its_field(chromium: Browser, pages: Standalone) -> None:
    with visit(chromium, pages) as visitor:
        page = visitor.open("/auth/register")
        page.get_by_label("Email address").fill("grace@example.com")
        page.get_by_label("Password").fill("short")
        page.get_by_role("button", name="Create account").click()
        summary = page.get_by_role("alert")
        expect(summary).to_be_focused()
        assert page.title().startswith("Error: ")
        field = page.get_by_label("Password")
        expect(field).to_have_accessible_description(
            "A password needs at least 8 characters. At least 8 characters. Several words in a row make a"
            " good password."
        )
        expect(field).to_have_value("")
        expect(page.get_by_label("Email address")).to_have_value("grace@example.com")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(field).to_be_focused()


def test_the_keyboard_alone_is_enough(chromium: Browser, pages: Standalone) -> None:
    with visit(chromium, pages) as visitor:
        page = visitor.open("/auth/login")
        expect(page.get_by_label("Email address")).to_be_focused()
        page.keyboard.type(ADMIN_EMAIL)
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Forgotten your password?")).to_be_focused()
        page.keyboard.press("Tab")
        page.keyboard.type(ADMIN_PASSWORD)
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        expect(page.get_by_label("Stay signed in on this device")).to_be_checked()
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Sign in")).to_be_focused()
        page.keyboard.press("Enter")
        _heading(page, "Your account")


def test_the_language_is_chosen_on_the_page(visitor: Visit) -> None:
    page = visitor.open("/auth/login")
    page.get_by_role("link", name="Deutsch").click()
    _heading(page, "Anmelden")
    page.get_by_role("link", name="Passwort vergessen?").click()
    _heading(page, "Passwort vergessen?")
    expect(page.locator("html")).to_have_attribute("lang", "de")


def test_tabs_and_the_back_button_disturb_nothing(chromium: Browser, pages: Standalone) -> None:
    with visit(chromium, pages) as visitor:
        first = visitor.open("/auth/login?continue=/auth/logout")
        second = visitor.context.new_page()
        second.goto(f"{pages.url}/auth/forgot")
        visitor.sign_in()
        _heading(first, "Sign out?")
        second.get_by_label("Email address").fill("nobody@example.com")
        second.get_by_role("button", name="Send code").click()
        expect(second.get_by_role("status")).to_contain_text("If nobody@example.com has an account")
        first.go_back()
        visitor.sign_in()
        _heading(first, "Sign out?")
