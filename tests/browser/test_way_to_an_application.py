"""From an application through the login and back, in a real browser: the policy of forms stops no redirect.

Chromium applies `form-action` to every redirect that follows a form (https://www.w3.org/TR/CSP3/#form-action-navigate).
"""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest
from playwright.sync_api import Browser, expect

from browser.api import register
from browser.pages import visit
from support.serving import serving
from support.standalone import Standalone


class _Application(BaseHTTPRequestHandler):
    """Redirects once more after the callback, as most applications do."""

    def do_GET(self) -> None:
        is_callback = self.path.startswith("/callback?code=dwa_")
        self.send_response(303 if is_callback else 200)
        if is_callback:
            self.send_header("Location", "/welcome")
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Welcome</title><link rel=icon href=data:,><h1>Welcome</h1>")

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def application() -> Iterator[str]:
    with serving(_Application) as url:
        yield url


@pytest.mark.parametrize("scripts", ["with-scripts", "without-scripts"])
def test_a_user_signs_in_and_allows_it(
    chromium: Browser, pages: Standalone, application: str, scripts: str
) -> None:
    authorize = register(pages, f"{application}/callback", f"wiki-{scripts}")
    options = {"java_script_enabled": scripts == "with-scripts"}
    with visit(chromium, pages, elsewhere=[application], **options) as visitor:
        page = visitor.page
        page.goto(authorize)
        visitor.sign_in()
        expect(page.get_by_role("heading", level=1)).to_have_text("Wiki asks for access")
        page.get_by_role("button", name="Allow", exact=True).click()
        page.wait_for_url(f"{application}/welcome")
        # The second time there is nothing to ask.
        page.goto(authorize)
        page.wait_for_url(f"{application}/welcome")


def test_a_user_does_not_allow_it(chromium: Browser, pages: Standalone, application: str) -> None:
    authorize = register(pages, f"{application}/callback", "wiki-denied")
    with visit(chromium, pages, elsewhere=[application]) as visitor:
        visitor.page.goto(authorize)
        visitor.sign_in()
        visitor.page.get_by_role("button", name="Do not allow").click()
        visitor.page.wait_for_url(f"{application}/callback?error=access_denied&**")
