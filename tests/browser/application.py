"""A small application of another origin than the API; its code is that of docs/browsers.md."""

from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import BrowserContext, Page

from support.documentation import documented_file
from support.services import Admin, Service

_BLANK: Final = '<!doctype html><html lang="en"><title>Page</title><link rel="icon" href="/icon">'

CALL: Final = """async ([url, options]) => {
    try {
        const response = await fetch(url, options);
        const headers = Object.fromEntries(response.headers);
        return { status: response.status, headers, body: await response.text() };
    } catch (error) {
        return { failed: error.message };
    }
}"""


def documented(name: str) -> str:
    """Return the code of a file in docs/browsers.md."""
    return documented_file("browsers.md", name)


def application_pages() -> type[BaseHTTPRequestHandler]:
    """Return the server of the documented module and a blank page, whose address may have its policy."""
    module = documented("session.js")

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            is_module = address.path == "/session.js"
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript" if is_module else "text/html; charset=utf-8")
            for policy in parse_qs(address.query).get("policy", []):
                self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write((module if is_module else _BLANK).encode())

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    return Pages


@dataclass(frozen=True)
class Application:
    """The API and three origins: `listed` and `unlisted` are of its site, `foreign` is of another."""

    auth: Service
    admin: Admin
    database_url: str
    listed: str
    unlisted: str

    @property
    def foreign(self) -> str:
        """An origin of another site."""
        return self.unlisted.replace("localhost", "third.localhost")

    @property
    def api(self) -> str:
        """Where the API is, for pages."""
        return self.auth.url.replace("127.0.0.1", "localhost")

    def open(self, context: BrowserContext, origin: str | None = None) -> Page:
        """Open a page, of the listed origin by default."""
        page = context.new_page()
        page.goto(origin or self.listed)
        return page

    def call(self, page: Page, path: str, **options: Any) -> dict[str, Any]:
        """Let a page's script send a request; return the answer that it can read, or `failed`."""
        answer: dict[str, Any] = page.evaluate(CALL, [self.api + path, options])
        return answer
