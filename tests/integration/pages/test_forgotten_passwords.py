"""A forgotten password with a browser."""

import pytest

from integration.harness.installation import Installation
from integration.harness.people import PASSWORD, People
from integration.pages.browsing import Browser
from integration.self_service.mailbox import Mailbox

pytestmark = pytest.mark.databases("sqlite")

NEW = "the analytical engine"


def test_a_mailed_code_sets_a_new_password_and_ends_every_session(
    browser: Browser, installation: Installation, people: People, mailbox: Mailbox
) -> None:
    elsewhere = Browser(installation)
    elsewhere.log_in(people.user.email, PASSWORD)
    page = browser.send(browser.open("/auth/forgot"), "/auth/forgot", {"email": people.user.email})
    assert page.status == 200
    form = page.form("/auth/reset").fields
    assert form["email"] == people.user.email
    wrong = browser.send(page, "/auth/reset", {"pin": "000000", "new_password": NEW})
    assert (wrong.status, wrong.invalid) == (400, ["pin"])
    assert NEW not in wrong.response.text
    pin = mailbox.last_to(people.user.email).pin
    done = browser.send(wrong, "/auth/reset", {"pin": pin, "new_password": NEW})
    assert done.path == "/auth/login?done=reset"
    assert elsewhere.open("/auth/account").path.startswith("/auth/login")
    assert browser.log_in(people.user.email, NEW).path == "/auth/account"


def test_known_and_unknown_addresses_get_the_same_bytes(
    browser: Browser, people: People, mailbox: Mailbox
) -> None:
    first = browser.open("/auth/forgot")
    unknown = "nobody@example.com".rjust(len(people.user.email), "x")
    pages = [browser.send(first, "/auth/forgot", {"email": email}) for email in (people.user.email, unknown)]
    known_text, unknown_text = (page.response.text for page in pages)
    assert known_text.replace(people.user.email, unknown) == unknown_text
    assert [page.status for page in pages] == [200, 200]
    names = [sorted(page.response.headers) for page in pages]
    assert names[0] == names[1]
    assert len(mailbox.mails_to(people.user.email)) == 1


def test_the_form_of_a_code_stands_alone(browser: Browser) -> None:
    page = browser.open("/auth/reset")
    again = browser.send(page, "/auth/reset", {"email": "ada@example.com", "new_password": "short"})
    assert (again.status, again.invalid) == (422, ["pin", "new_password"])
