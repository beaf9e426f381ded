"""oidc-client-ts in a real browser, with the code of docs/browsers.md: users of another site sign in."""

import json
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from browser.application import CALL, documented
from clients.conftest import Programs
from clients.test_clients import needs
from support.administrator import Administrator
from support.chromium import sign_in
from support.documentation import at, documented_block, documented_line
from support.serving import serving

pytestmark = needs("npm", "npm")

MODULES = {
    "oidc-client-ts": "oidc-client-ts/dist/esm/oidc-client-ts.js",
    "jwt-decode": "jwt-decode/build/esm/index.js",
}
IMPORTS = json.dumps({"imports": {name: f"/modules/{path}" for name, path in MODULES.items()}})
HTML = f"""<!doctype html><html lang="en"><title>Application</title><link rel="icon" href="data:,">
<script type="importmap">{IMPORTS}</script>"""
PAGE = "browsers.md"


def documented_statement(start: str) -> str:
    """Return a line of the page's example, which uses `users`."""
    return documented_line(PAGE, start)


START = f"""async (authority) => {{
    const {{ createUsers }} = await import("/users.js");
    {at(documented_statement("const users ="), {'"https://id.example.com/api/v1/auth"': "authority"})}
    window.users = users;
}}"""
SIGN_IN = f"() => {{ (async () => {{ {documented_statement('await users.signinRedirect()')}\n }})(); }}"
PROFILE = f"""async () => {{
    {documented_statement("const user =")}
    return [user.profile.email, user.access_token, Boolean(user.refresh_token)];
}}"""
RENEW = f"""async () => {{
    {documented_statement("const renewed =")}
    return renewed.access_token;
}}"""
SIGN_OUT = f"() => {{ (async () => {{ {documented_statement('await users.signoutRedirect()')}\n }})(); }}"


def site(modules: Path) -> type[BaseHTTPRequestHandler]:
    """Return the server of the application: one page at every path, and its modules."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content, kind = HTML, "text/html; charset=utf-8"
            if self.path == "/users.js":
                content, kind = documented("users.js"), "text/javascript"
            elif self.path.startswith("/modules/"):
                content = (modules / self.path.removeprefix("/modules/")).read_text(encoding="utf-8")
                kind = "text/javascript"
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    return Site


@pytest.fixture
def origin(node: Path) -> Iterator[str]:
    """The application, at another site than the API."""
    with serving(site(node / "node_modules")) as url:
        yield url.replace("127.0.0.1", "localhost")


def begin(page: Page, authority: str) -> None:
    """Leave the page for the login."""
    page.evaluate(START, authority)
    with page.expect_navigation(url="**/auth/login**"):
        page.evaluate(SIGN_IN)


def test_a_page_signs_in_renews_and_signs_out(
    environment: Mapping[str, str],
    administrator: Administrator,
    programs: Programs,
    node: Path,
    origin: str,
    page: Page,
) -> None:
    authority = f"{environment['DOORWARD_URL']}/api/v1/auth"
    client = json.loads(
        at(documented_block(PAGE, '{"client_id": "spa"'), {"https://app.example.org": origin})
    )
    administrator.register(client)
    page.goto(origin)
    userinfo = [f"{authority}/userinfo", {"headers": {"Authorization": "Bearer wrong"}}]
    until_readable(page, userinfo)

    begin(page, authority)
    with page.expect_navigation(url=f"{origin}/signed-in**"):
        sign_in(page, environment["DOORWARD_EMAIL"], environment["DOORWARD_PASSWORD"])
    page.evaluate(START, authority)
    email, token, has_refresh_token = page.evaluate(PROFILE)
    assert (email, has_refresh_token) == (environment["DOORWARD_EMAIL"], True)
    renewed = page.evaluate(RENEW)
    assert renewed != token
    answer: dict[str, Any] = page.evaluate(
        CALL, [f"{authority}/userinfo", {"headers": {"Authorization": f"Bearer {renewed}"}}]
    )
    assert json.loads(answer["body"])["email"] == email

    with page.expect_navigation(url=f"{origin}/**"):
        page.evaluate(SIGN_OUT)
    begin(page, authority)  # and single sign-on has ended, too: the login is shown
    package = json.loads((node / "node_modules/oidc-client-ts/package.json").read_text())
    did = ["discovery", "code with PKCE", "refresh", "userinfo", "sign-out"]
    browser = f"in Chromium by Playwright {metadata.version('playwright')}"
    programs.reports.append(
        {"client": "oidc-client-ts", "version": package["version"], "did": [*did, browser]}
    )


def until_readable(page: Page, call: list[Any]) -> None:
    """Wait for the snapshot of registered origins.

    A loop of the page itself: wait_for_function takes the promise of an asynchronous function for true.
    """
    page.evaluate(
        f"""async (call) => {{
            for (let asked = 0; asked < 1200; asked += 1) {{
                if ((await ({CALL})(call)).status === 401) return;
                await new Promise((go) => setTimeout(go, 50));
            }}
            throw new Error("no answer to be read");
        }}""",
        call,
    )
