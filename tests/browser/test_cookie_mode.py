"""The code of docs/browsers.md: a session whose refresh token is in a cookie, in a real browser."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import BrowserContext, Page

from browser.application import Application, documented
from browser.complaints import UNREADABLE
from integration.harness.installation import AUTH
from support.documentation import at, documented_line

COOKIE = "doorward_refresh_console"

SESSION = """async ([api, name]) => {
    const { createSession } = await import("/session.js");
    window.session = createSession(api, name);
    window.loggedOut = new Promise((done) => { window.session.onLogOut = () => done(true); });
}"""
LOG_IN = "([email, password]) => window.session.logIn(email, password)"
WHO = """async () => {
    const response = await window.session.request("/api/v1/auth/me");
    return [response.status, await response.json()];
}"""
REJECTED = """async () => {
    try { await window.session.refresh(); return null; } catch (error) { return error.answer.code; }
}"""


def start(application: Application, context: BrowserContext, name: str = "console") -> Page:
    """Open a tab that runs the documented code."""
    page = application.open(context)
    page.evaluate(SESSION, [application.api, name])
    return page


@pytest.fixture
def page(application: Application, context: BrowserContext) -> Page:
    """A tab that has logged in."""
    page = start(application, context)
    page.evaluate(LOG_IN, [application.admin.email, application.admin.password])
    return page


def cookies(context: BrowserContext) -> dict[str, Any]:
    """Return the cookies of the browser, which no script can read."""
    return {cookie["name"]: cookie for cookie in context.cookies()}


def refreshes(page: Page) -> list[str]:
    """Return a list that grows with each refresh of a tab."""
    sent: list[str] = []

    def note(method: str, url: str) -> None:
        if method == "POST" and url.endswith("/refresh-token"):
            sent.append(url)

    page.on("request", lambda request: note(request.method, request.url))
    return sent


def test_a_reloaded_page_goes_on_with_the_cookie(
    application: Application, context: BrowserContext, page: Page
) -> None:
    assert page.evaluate(WHO)[0] == 200
    jar = cookies(context)
    assert (jar[COOKIE]["httpOnly"], jar[COOKIE]["sameSite"]) == (True, "Strict")
    assert jar[COOKIE]["path"] == f"{AUTH}/refresh-token"
    page.reload()
    page.evaluate(SESSION, [application.api, "console"])
    sent = refreshes(page)
    assert page.evaluate(WHO)[0] == 200
    assert len(sent) == 1
    assert cookies(context)[COOKIE]["value"] != jar[COOKIE]["value"]


def test_the_example_runs_under_the_documented_policy(
    application: Application, context: BrowserContext
) -> None:
    addresses = {
        "https://api.example.com": application.api,
        "ada@example.com": application.admin.email,
        "/api/v1/users/me": f"{AUTH}/me",  # the other services are not there
    }
    line = documented_line("browsers.md", "Content-Security-Policy:")
    policy = at(line, addresses).partition(": ")[2]
    # Its constants are the module's own.
    script = at(documented("main.js"), addresses) + "export { me, session };"
    page = context.new_page()
    page.route("**/main.js", lambda route: route.fulfill(body=script, content_type="text/javascript"))
    page.goto(f"{application.listed}/?{urlencode({'policy': policy})}")
    assert page.evaluate("async () => (await import('/main.js')).me.role") == "admin"
    with page.expect_navigation(url="**/login"):
        page.evaluate("async () => (await import('/main.js')).session.logOut()")
    assert COOKIE not in cookies(context)


def test_requests_at_the_same_moment_refresh_once(application: Application, page: Page) -> None:
    page.reload()
    page.evaluate(SESSION, [application.api, "console"])
    sent = refreshes(page)
    ten = f"() => Promise.all(Array.from({{ length: 10 }}, {WHO}))"
    assert {status for status, _ in page.evaluate(ten)} == {200}
    assert len(sent) == 1


def test_logout_reaches_every_tab(application: Application, context: BrowserContext, page: Page) -> None:
    other = start(application, context)
    assert other.evaluate(WHO)[0] == 200
    page.evaluate("() => window.session.logOut()")
    assert other.evaluate("() => window.loggedOut") is True
    assert COOKIE not in cookies(context)
    assert other.evaluate(REJECTED) == "invalid_refresh_token"


def test_a_session_ended_elsewhere_leaves_no_cookie(context: BrowserContext, page: Page) -> None:
    _, caller = page.evaluate(WHO)
    end = f"() => window.session.request('{AUTH}/sessions/{caller['session_id']}', {{method: 'DELETE'}})"
    page.evaluate(f"async () => (await ({end})()).status")
    assert page.evaluate(REJECTED) == "invalid_refresh_token"
    assert COOKIE not in cookies(context)


def test_two_applications_do_not_change_who_the_other_is(
    application: Application, context: BrowserContext, page: Page
) -> None:
    shop = start(application, context, "shop")
    assert shop.evaluate(REJECTED) == "invalid_refresh_token"
    shop.evaluate(LOG_IN, [application.admin.email, application.admin.password])
    assert cookies(context).keys() == {COOKIE, "doorward_refresh_shop"}
    shop.evaluate("() => window.session.logOut()")
    assert cookies(context).keys() == {COOKIE}
    assert page.evaluate(WHO)[0] == 200


def test_a_page_of_the_apis_own_origin_needs_no_list(
    application: Application, context: BrowserContext
) -> None:
    page = context.new_page()
    # The page is of the API's origin, as with an ingress that routes by path.
    page.route(
        "**/application", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html")
    )
    page.goto(f"{application.api}/application")
    login = json.dumps({"email": application.admin.email, "password": application.admin.password})
    headers = {"Content-Type": "application/json", "Doorward-CSRF": "own"}
    answer = application.call(page, f"{AUTH}/token", method="POST", headers=headers, body=login)
    assert answer["status"] == 200
    refreshed = application.call(
        page, f"{AUTH}/refresh-token", method="POST", headers={"Doorward-CSRF": "own"}
    )
    assert refreshed["status"] == 200
    assert "dwr_" not in answer["body"] + refreshed["body"]


@pytest.mark.parametrize("expected_complaints", [UNREADABLE], ids=["unreadable"])
@pytest.mark.parametrize("site", ["unlisted", "foreign"])
def test_other_pages_can_neither_refresh_nor_remove_the_cookie(
    application: Application, context: BrowserContext, page: Page, site: str
) -> None:
    evil = application.open(context, getattr(application, site))
    before = cookies(context)[COOKIE]["value"]
    options = {"method": "POST", "credentials": "include"}
    for path in ("refresh-token", "logout"):
        for headers in ({}, {"Doorward-CSRF": "console"}):
            answer = application.call(evil, f"{AUTH}/{path}", headers=headers, **options)
            assert answer == {"failed": "Failed to fetch"}
    application.call(evil, f"{AUTH}/refresh-token", mode="no-cors", **options)
    send_a_form(evil, f"{application.api}{AUTH}/refresh-token")
    assert cookies(context)[COOKIE]["value"] == before
    assert page.evaluate(WHO)[0] == 200
    page.evaluate("() => window.session.refresh()")
    assert cookies(context)[COOKIE]["value"] != before


def send_a_form(page: Page, action: str) -> None:
    """Let a page send a form to the API, as a forged request."""
    with page.expect_navigation(wait_until="commit"):
        page.evaluate(
            """(action) => {
                const form = Object.assign(document.createElement("form"), { action, method: "post" });
                document.body.append(form);
                form.submit();
            }""",
            action,
        )


PROBES = """async (api) => {
    const seen = [document.cookie, JSON.stringify(localStorage), JSON.stringify(sessionStorage)];
    const json = { "Content-Type": "application/json" };
    const csrf = { "Doorward-CSRF": "console" };
    const cookie = { method: "POST", credentials: "include", headers: csrf };
    const refresh = await fetch(`${api}/refresh-token`, cookie);
    seen.push(await refresh.clone().text(), JSON.stringify([...refresh.headers]));
    const bearer = { Authorization: `Bearer ${(await refresh.json()).access_token}` };
    const attempts = [
        ["POST", "/refresh-token", json, "{}"],
        ["POST", "/refresh-token", { ...json, ...csrf }, "{}"],
        ["POST", "/token", { ...json, ...csrf }, '{"grant_type": "refresh_token"}'],
        ["POST", "/refresh-token", {}, new URLSearchParams({ grant_type: "refresh_token" })],
        ["POST", "/step-up", { ...json, ...bearer, ...csrf }, '{"password": "$PASSWORD"}'],
        ["POST", "/step-up", { ...json, ...bearer }, '{"password": "$PASSWORD"}'],
        ["GET", "/me", bearer],
        ["GET", "/sessions", bearer],
        ["GET", "/refresh-token", csrf],
    ];
    for (const [method, path, headers, body] of attempts) {
        for (const credentials of ["include", "omit"]) {
            try {
                const response = await fetch(api + path, { method, headers, body, credentials });
                seen.push(await response.text(), JSON.stringify([...response.headers]));
            } catch (error) {
                seen.push(error.message);
            }
        }
    }
    return [bearer.Authorization, seen];
}"""


@pytest.mark.parametrize("expected_complaints", [UNREADABLE], ids=["unreadable"])
def test_no_script_of_the_page_ever_sees_a_refresh_token(
    application: Application, context: BrowserContext, page: Page
) -> None:
    probes = PROBES.replace("$PASSWORD", application.admin.password)
    bearer, seen = page.evaluate(probes, application.api + AUTH)
    assert bearer.startswith("Bearer ey")
    assert len(seen) > 20
    assert [text for text in seen if "dwr_" in text] == []
    assert cookies(context)[COOKIE]["value"].startswith("dwr_")
