"""Headers, cookies, static files, errors and weight of the pages."""

import re
from typing import Any

import pytest

from integration.harness.installation import Installation, reconfigured
from integration.harness.people import PASSWORD, People
from integration.pages.browsing import PUBLIC_URL, Browser, read

pytestmark = pytest.mark.databases("sqlite")

PAGES = (
    "/auth/login",
    "/auth/register",
    "/auth/verify-email",
    "/auth/verify-email/resend",
    "/auth/accept-invitation",
    "/auth/forgot",
    "/auth/reset",
    "/auth/signed-out",
    "/auth/nothing",
)
MAX_PAGE_BYTES = 30_000

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("path", PAGES)
def test_pages_have_their_headers_and_load_nothing_else(browser: Browser, path: str, language: str) -> None:
    page = browser.open(path, headers={"accept-language": language})
    headers = page.response.headers
    assert headers.get_list("content-security-policy") == [_POLICY]
    assert headers.get_list("x-frame-options") == ["DENY"]
    assert headers.get_list("cache-control") == ["no-store"]
    assert headers.get_list("referrer-policy") == ["no-referrer"]
    assert headers.get_list("x-content-type-options") == ["nosniff"]
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert page.language == language
    text = page.response.text
    assert "<script" not in text
    assert not re.search(r"\son[a-z]+=|style=|javascript:", text)
    loaded = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert all(url.startswith(("/auth/", "#")) for url in loaded)
    static = {url for url in loaded if url.startswith("/auth/static/")}
    weight = len(page.response.content) + sum(len(browser.client.get(url).content) for url in static)
    assert weight < MAX_PAGE_BYTES


def test_static_files_are_kept_for_good(browser: Browser) -> None:
    text = browser.open("/auth/login").response.text
    [sheet] = set(re.findall(r'"(/auth/static/app\.[0-9a-f]{16}\.css)"', text))
    response = browser.client.get(sheet)
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["content-type"] == "text/css; charset=utf-8"
    assert browser.open("/auth/static/app.0000000000000000.css").status == 404
    assert browser.open("/auth/static/..%2f..%2fpages.py").status == 404


def test_errors_are_pages_with_the_id_of_the_request(browser: Browser) -> None:
    page = browser.open("/auth/nothing", headers={"accept-language": "de"})
    assert (page.status, page.language) == (404, "de")
    assert "Seite nicht gefunden" in page.title
    assert page.response.headers["x-request-id"] in page.text
    assert browser.client.put("/auth/login").status_code == 405
    # The API keeps its problem documents.
    assert browser.client.get("/api/v1/auth/nothing").headers["content-type"] == "application/problem+json"


FORM = {"accept-language": "de", "content-type": "application/x-www-form-urlencoded"}
LONG = b"x" * 70_000


@pytest.mark.parametrize(
    ("path", "method", "options", "status", "text"),
    [
        ("/auth/login", "PUT", {}, 405, "So kann diese Adresse nicht benutzt werden."),
        ("/auth/login", "POST", {"content": LONG}, 413, "Ihre Eingabe ist zu lang."),
        ("/auth/login", "POST", {"content": [LONG]}, 413, "Ihre Eingabe ist zu lang."),
        (
            "/auth/login",
            "POST",
            {"content": b"{}", "headers": {"content-type": "text/plain"}},
            415,
            "Formular",
        ),
        (
            "/auth/login",
            "GET",
            {"headers": {"x-filler": "x" * 40_000}},
            431,
            "Ihr Browser hat zu viel gesendet.",
        ),
        ("/api/v1/auth/end-session", "POST", {"content": LONG}, 413, "Ihre Eingabe ist zu lang."),
    ],
)
def test_rejections_before_any_page_are_pages(
    browser: Browser, path: str, method: str, options: dict[str, Any], status: int, text: str
) -> None:
    headers = {**FORM, **options.get("headers", {})}
    page = read(browser.client.request(method, path, **{**options, "headers": headers}))
    assert (page.status, page.language) == (status, "de")
    assert page.response.headers["content-type"] == "text/html; charset=utf-8"
    assert page.response.headers["x-request-id"] in page.text
    assert text in page.text


def test_the_same_rejections_of_the_api_are_problem_documents(browser: Browser) -> None:
    response = browser.client.post("/api/v1/auth/token", content=LONG, headers=FORM)
    assert (response.status_code, response.json()["code"]) == (413, "content_too_large")
    assert response.headers["content-type"] == "application/problem+json"


def test_a_bug_is_a_page_and_a_problem_document_of_the_api(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("doorward_auth.pages.sign_in.service.SignInPages.show", fail)
    monkeypatch.setattr("doorward_auth.discovery.service.DiscoveryService.key_set", fail)
    page = browser.open("/auth/login", headers={"accept-language": "de"})
    assert (page.status, page.title.partition(" – ")[0]) == (500, "Etwas ist schiefgegangen")
    monkeypatch.setattr("doorward_ui.pages.Pages.render", fail)
    # Without a page, too, the answer is one of ours.
    for path in ("/api/v1/auth/jwks.json", "/auth/login"):
        response = browser.client.get(path)
        assert (response.status_code, response.json()["code"]) == (500, "internal_error")


def test_without_a_public_url_there_are_no_pages(installation: Installation) -> None:
    with reconfigured(installation, public_url=None) as without:
        page = Browser(without).open("/auth/login")
        assert page.status == 404
        assert "DOORWARD_PUBLIC_URL" in page.text


def test_behind_tls_every_cookie_is_of_this_host_alone(installation: Installation, people: People) -> None:
    with reconfigured(installation, public_url="https://id.example.com") as secure:
        browser = Browser(secure)
        browser.client.base_url = "https://id.example.com"
        page = browser.open("/auth/login?lang=de")
        response = browser.client.post(
            "/auth/login",
            data={**page.form("/auth/login").fields, "email": people.user.email, "password": PASSWORD},
            follow_redirects=False,
        )
        set_cookies = [
            *page.response.headers.get_list("set-cookie"),
            *response.headers.get_list("set-cookie"),
        ]
        assert sorted(cookie.partition("=")[0] for cookie in set_cookies) == [
            f"__Host-doorward_{name}" for name in ("browser", "device", "language", "sso")
        ]
        for cookie in set_cookies:
            attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
            assert {"httponly", "secure", "path=/", "samesite=lax"} <= attributes
            assert not any(attribute.startswith("domain") for attribute in attributes)


def test_a_language_is_chosen_once(browser: Browser) -> None:
    page = browser.open("/auth/login?continue=%2Fauth%2Flogout")
    [link] = [link for link in page.links if "lang=" in link]
    assert link == "/auth/login?continue=%2Fauth%2Flogout&lang=de"
    assert browser.open(link).language == "de"
    assert browser.open("/auth/forgot").language == "de"
    assert browser.open("/auth/forgot?lang=en").language == "en"
    assert PUBLIC_URL not in page.response.text
