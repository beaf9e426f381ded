"""What pages of other sites can do with ours in a real browser: nothing."""

from http.server import BaseHTTPRequestHandler

import pytest
from playwright.sync_api import BrowserContext, expect

from browser.pages import ADMIN_EMAIL, ADMIN_PASSWORD
from support.serving import serving
from support.standalone import Standalone

FRAMING = "Framing .* \"frame-ancestors 'none'\". .*"


def _site(content: str) -> type[BaseHTTPRequestHandler]:
    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    return Site


def test_a_form_of_another_site_signs_no_user_in(context: BrowserContext, pages: Standalone) -> None:
    """Login CSRF: the visitor would work in an account of the attacker's."""
    page = context.new_page()
    page.goto(f"{pages.url}/auth/login")
    code = page.locator("[name=form_code]").input_value()
    content = (
        f'<!doctype html><form method="post" action="{pages.url}/auth/login">'
        f'<input name="email" value="{ADMIN_EMAIL}"><input name="password" value="{ADMIN_PASSWORD}">'
        f'<input name="form_code" value="{code}"><button>Win</button></form>'
    )
    with serving(_site(content)) as evil:
        page.goto(evil.replace("127.0.0.1", "localhost"))
        page.get_by_role("button", name="Win").click()
        expect(page.get_by_role("alert")).to_contain_text("Nothing was changed.")
        expect(page.get_by_label("Email address")).to_have_value("")
        page.goto(f"{pages.url}/auth/account")
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


@pytest.mark.parametrize("expected_complaints", [(FRAMING,)], ids=["framing"])
def test_no_site_frames_a_page(context: BrowserContext, pages: Standalone) -> None:
    page = context.new_page()
    with serving(_site(f'<!doctype html><iframe src="{pages.url}/auth/login"></iframe>')) as evil:
        page.goto(evil.replace("127.0.0.1", "localhost"))
        expect(page.frame_locator("iframe").get_by_label("Email address")).to_have_count(0)
        assert page.frames[1].url == "chrome-error://chromewebdata/"
