"""The page of the own account: sessions are listed and ended, and signing out ends those of this browser."""

import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import uuid_utils.compat as uuid7s

from doorward_identity.tables import browser_sessions, consents
from integration.harness.installation import AUTH, Installation
from integration.harness.people import PASSWORD, People, Person
from integration.oidc.provider import register
from integration.pages.browsing import Browser
from integration.pages.test_headers import MAX_PAGE_BYTES

pytestmark = pytest.mark.databases("sqlite")

_FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
END, END_OTHERS = "/auth/account/sessions/end", "/auth/account/sessions/end-others"


def test_sessions_of_browsers_and_of_the_api_are_listed_and_ended(
    browser: Browser, installation: Installation, people: People
) -> None:
    other = Browser(installation, **{"user-agent": _FIREFOX})
    other.log_in(people.user.email, PASSWORD)
    page = browser.log_in(people.user.email, PASSWORD)
    assert "Firefox on Linux" in page.text
    assert page.text.count("This browser") == 1
    forms = [form for form in page.forms if form.action == END]
    assert len(forms) == 2  # the other browser, and the session of the API
    for form in forms:
        response = browser.client.post(END, data=form.fields)
        assert "The session has ended." in response.text
    assert other.open("/auth/account").path.startswith("/auth/login")
    assert browser.open("/auth/account").path == "/auth/account"
    assert installation.refresh(people.user.refresh).status_code == 401


def test_all_others_end_and_this_one_stays(
    browser: Browser, installation: Installation, people: People
) -> None:
    other = Browser(installation)
    other.log_in(people.user.email, PASSWORD)
    page = browser.log_in(people.user.email, PASSWORD)
    done = browser.send(page, END_OTHERS)
    assert done.path == "/auth/account?done=sessions-ended"
    assert END_OTHERS not in [form.action for form in done.forms]
    assert other.open("/auth/account").path.startswith("/auth/login")
    assert installation.refresh(people.user.refresh).status_code == 401
    assert installation.refresh(people.other.refresh).status_code == 200


def test_a_session_of_another_user_is_not_ended(
    browser: Browser, installation: Installation, people: People
) -> None:
    page = browser.log_in(people.user.email, PASSWORD)
    sessions = installation.call("GET", f"{AUTH}/sessions", people.other.access).json()["items"]
    form = next(form for form in page.forms if form.action == END)
    for session_id in (sessions[0]["id"], "x", ""):
        sent = browser.send(page, END, {**form.fields, "session_id": session_id})
        assert sent.path == "/auth/account"
    assert installation.refresh(people.other.refresh).status_code == 200


def test_signing_out_asks_first_and_ends_the_session(
    browser: Browser, installation: Installation, people: People
) -> None:
    browser.log_in(people.user.email, PASSWORD)
    page = browser.open("/auth/logout")
    assert people.user.email in page.text
    assert browser.open("/auth/account").path == "/auth/account"
    assert browser.send(page, "/auth/logout").path == "/auth/signed-out"
    assert "doorward_sso" not in browser.client.cookies
    assert installation.execute("SELECT COUNT(*) FROM browser_sessions") == [(0,)]
    assert browser.send(page, "/auth/logout").path == "/auth/signed-out"
    assert browser.open("/auth/logout").path == "/auth/signed-out"


def test_an_account_that_has_changed_ends_the_session_and_clears_the_cookie(
    browser: Browser, installation: Installation, people: People
) -> None:
    browser.log_in(people.user.email, PASSWORD)
    installation.execute("UPDATE users SET auth_version = auth_version + 1 WHERE role = 'user'")
    assert browser.open("/auth/account").path.startswith("/auth/login")
    assert "doorward_sso" not in browser.client.cookies


def test_the_session_of_a_box_that_is_ticked_outlives_the_browser(
    browser: Browser, installation: Installation, people: People
) -> None:
    def cookie(**fields: str) -> str:
        page = Browser(installation)
        first = page.open("/auth/login")
        given = {"email": people.user.email, "password": PASSWORD, **fields}
        sent = page.send(first, "/auth/login", given, follow_redirects=False)
        [found] = [value for value in sent.response.headers.get_list("set-cookie") if "doorward_sso" in value]
        return found

    assert "Max-Age" not in cookie()
    assert f"Max-Age={90 * 86_400}" in cookie(remember="on")
    assert browser.log_in(people.user.email, PASSWORD).path == "/auth/account"


def test_names_of_others_are_text(browser: Browser, installation: Installation, people: People) -> None:
    installation.execute("UPDATE users SET name = '<b>{{ 7 * 7 }}</b>{product}' WHERE role = 'user'")
    page = browser.log_in(people.user.email, PASSWORD)
    assert "&lt;b&gt;{{ 7 * 7 }}&lt;/b&gt;{product}" in page.response.text
    assert "<b>" not in page.response.text


def _fill(installation: Installation, person: Person, sessions: int, applications: int) -> None:
    """Give a user sessions, each used a minute earlier, and applications with long names."""
    [template] = installation.execute(sa.select(browser_sessions))
    now = datetime.now(UTC)
    for number in range(sessions):
        used = {"id": uuid7s.uuid7(), "last_used_at": now - timedelta(minutes=number + 1)}
        installation.execute(
            browser_sessions.insert().values(
                dict(zip(browser_sessions.c.keys(), template, strict=True)) | used
            )
        )
    for number in range(applications):
        client = register(installation, f"app-{number:02}", name=f"Application {number:02} of a team")
        consent = {"scope": "openid profile email groups offline_access", "granted_at": now}
        installation.execute(
            consents.insert().values(user_id=uuid.UUID(person.id), oauth_client_id=client, **consent)
        )


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_account_stays_light_with_many_sessions_and_applications(
    installation: Installation, people: People, language: str
) -> None:
    browser = Browser(installation, **{"user-agent": _FIREFOX})
    browser.log_in(people.user.email, PASSWORD)
    _fill(installation, people.user, sessions=99, applications=20)
    page = browser.open(f"/auth/account?lang={language}")
    static = set(re.findall(r'"(/auth/static/[^"]+)"', page.response.text))
    weight = len(page.response.content) + sum(len(browser.client.get(url).content) for url in static)
    assert weight < MAX_PAGE_BYTES


def test_every_session_and_application_is_on_one_of_the_parts(
    browser: Browser, installation: Installation, people: People
) -> None:
    browser.log_in(people.user.email, PASSWORD)
    _fill(installation, people.user, sessions=99, applications=20)

    def found(action: str, field: str, cursor: str) -> list[str]:
        page, values = browser.open("/auth/account"), []
        while True:
            values += [form.fields[field] for form in page.forms if form.action == action]
            following = [link for link in page.links if f"?{cursor}=" in link and "lang=" not in link]
            if not following:
                return values
            page = browser.open(following[0].partition("#")[0])

    sessions = found(END, "session_id", "sessions")
    assert len(sessions) == len(set(sessions)) == 100  # and one of the API; this browser's has no form
    names = found("/auth/account/applications/withdraw", "client_id", "applications")
    assert names == [f"app-{number:02}" for number in range(20)]
    first = browser.open("/auth/account").text
    assert "Latest sessions" not in first
    assert "Older sessions" in first
    for cursor in ("sessions=x", f"sessions={people.user.id}", "applications=gone", "applications=%00"):
        assert browser.open(f"/auth/account?{cursor}").text == first


@pytest.mark.databases("sqlite", "mariadb")
@pytest.mark.parametrize("client_id", ["", "none", "App", "app ", "é", "\U0001f600", "a\0b", "x" * 5_000])
def test_only_a_clients_own_id_withdraws_its_consent(
    browser: Browser, installation: Installation, people: People, client_id: str
) -> None:
    row_id = register(installation, first_party=False)
    consent = {"user_id": uuid.UUID(people.user.id), "oauth_client_id": row_id, "scope": "openid"}
    installation.execute(consents.insert().values(granted_at=datetime.now(UTC), **consent))
    page = browser.log_in(people.user.email, PASSWORD)
    sent = browser.send(page, "/auth/account/applications/withdraw", {"client_id": client_id})
    assert (sent.status, sent.path) == (200, "/auth/account")
    assert len(installation.execute(sa.select(consents.c.scope))) == 1
