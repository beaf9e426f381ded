"""One form, sent from several tabs of a browser at the same moment: what only a database can decide."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from integration.harness.installation import Installation
from integration.harness.people import PASSWORD, People
from integration.pages.browsing import Browser, Page
from integration.self_service.mailbox import Mailbox

pytestmark = pytest.mark.databases("mariadb")

TABS = 6
EMAIL = "ada@example.com"


def send_from_tabs(
    browser: Browser, installation: Installation, send: Callable[[Browser, int], Page]
) -> list[Page]:
    """Send something from tabs with the browser's cookies, at once."""
    tabs = [Browser(installation) for _ in range(TABS)]
    for tab in tabs:
        tab.client.cookies.update(browser.client.cookies)
    with ThreadPoolExecutor(TABS) as pool:
        return list(pool.map(send, tabs, range(TABS)))


def test_a_code_that_is_sent_by_all_tabs_makes_one_account(
    browser: Browser, installation: Installation, mailbox: Mailbox
) -> None:
    form = browser.open("/auth/register")
    browser.send(form, "/auth/register", {"email": EMAIL, "password": "the analytical engine", "name": "Ada"})
    page = browser.open(f"/auth/verify-email?code={mailbox.last_to(EMAIL).code}")
    pages = send_from_tabs(browser, installation, lambda tab, _: tab.send(page, "/auth/verify-email"))
    assert Counter(one.path for one in pages)["/auth/account"] == 1
    assert {one.status for one in pages if one.path != "/auth/account"} == {400}
    assert installation.execute("SELECT COUNT(*) FROM browser_sessions") == [(1,)]
    assert installation.execute("SELECT COUNT(*) FROM users") == [(1,)]
    assert browser.log_in(EMAIL, "the analytical engine").path == "/auth/account"


def test_a_code_sets_one_of_the_passwords_that_tabs_send(
    browser: Browser, installation: Installation, people: People, mailbox: Mailbox
) -> None:
    page = browser.send(browser.open("/auth/forgot"), "/auth/forgot", {"email": people.user.email})
    pin = mailbox.last_to(people.user.email).pin
    passwords = [f"the analytical engine {number}" for number in range(TABS)]

    def reset(tab: Browser, number: int) -> Page:
        return tab.send(page, "/auth/reset", {"pin": pin, "new_password": passwords[number]})

    pages = send_from_tabs(browser, installation, reset)
    done = [number for number, one in enumerate(pages) if one.path == "/auth/login?done=reset"]
    assert len(done) == 1
    statuses = [browser.log_in(people.user.email, password).status for password in passwords]
    assert [number for number, status in enumerate(statuses) if status == 200] == done


def test_tabs_that_sign_in_again_are_signed_in(
    browser: Browser, installation: Installation, people: People
) -> None:
    """Each replaces the session of the cookie: the row is deleted and stored again under the same id."""
    assert browser.log_in(people.user.email, PASSWORD).path == "/auth/account"
    page = browser.open("/auth/login")
    fields = {"email": people.user.email, "password": PASSWORD}

    pages = send_from_tabs(browser, installation, lambda tab, _: tab.send(page, "/auth/login", fields))
    # Of the cookies of the tabs, that of the last one is valid.
    assert {one.status for one in pages} == {200}
    assert any(one.path == "/auth/account" for one in pages)
    assert len(installation.execute("SELECT id FROM browser_sessions")) == 1


def test_tabs_that_end_all_other_sessions_end_each_once(
    browser: Browser, installation: Installation, people: People
) -> None:
    for _ in range(3):
        Browser(installation).log_in(people.user.email, PASSWORD)
    browser.log_in(people.user.email, PASSWORD)
    page = browser.open("/auth/account")
    [action] = [form.action for form in page.forms if form.action.endswith("others")]
    pages = send_from_tabs(browser, installation, lambda tab, _: tab.send(page, action))
    assert {one.status for one in pages} == {200}
    assert len(installation.execute("SELECT id FROM browser_sessions")) == 1
