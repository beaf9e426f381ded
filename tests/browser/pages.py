"""The pages of an installation on this machine, as a visitor with a real browser gets them."""

import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, Page

from browser.complaints import Complaints
from support.chromium import sign_in
from support.example_upstream import FOLDER
from support.services import Service
from support.standalone import Standalone

ADMIN_EMAIL: Final = "ada@example.com"
ADMIN_PASSWORD: Final = "the analytical engine"
GIT_SERVER: Final = "https://git.example.com"
UPSTREAMS: Final[dict[str, Any]] = {
    "example-api": json.loads((FOLDER / "upstreams.json").read_text(encoding="utf-8"))["theapi"],
    "company": {
        "adapter": "oidc",
        "issuer": "https://login.example.com",
        "client_id": "doorward",
        "token_auth_method": "none",
        "redirect_uris": ["https://app.example.com/callback"],
    },
    "git-server": {
        "title": "GitServer",
        "adapter": "oauth2",
        "authorization_endpoint": f"{GIT_SERVER}/authorize",
        "token_endpoint": f"{GIT_SERVER}/token",
        "userinfo_endpoint": f"{GIT_SERVER}/user",
        "client_id": "doorward",
        "token_auth_method": "none",
        "redirect_uris": ["https://app.example.com/callback"],
        "answer": {"subject": "/id"},
    },
}
"""One whose password a page takes, and two that browsers are sent to. None is there."""

_LINK: Final = re.compile(r"http://127\.0\.0\.1:\d+/auth/[a-z-]+\?code=\S+")
TIMEOUT_MS: Final = 60_000.0
"""For a slow machine; nothing waits for it to pass."""

_SECONDS: Final = TIMEOUT_MS / 1000


@dataclass(frozen=True)
class Visit:
    """A browser at the installation, and a page of it."""

    context: BrowserContext
    page: Page
    url: str
    complaints: Complaints

    def open(self, path: str) -> Page:
        """Go to a path."""
        self.page.goto(self.url + path)
        return self.page

    def sign_in(self, email: str = ADMIN_EMAIL, password: str = ADMIN_PASSWORD) -> None:
        """Fill in the login that is shown, and send it."""
        sign_in(self.page, email, password)


@contextmanager
def visit(
    chromium: Browser, server: Standalone | Service, *, elsewhere: Sequence[str] = (), **options: Any
) -> Iterator[Visit]:
    """Open a browser without cookies. What it complains about fails the test.

    It may send requests to the installation alone, and to the URLs `elsewhere`.
    """
    settings = {"locale": "en-GB", "timezone_id": "UTC", "reduced_motion": "reduce", **options}
    with chromium.new_context(**settings) as context:
        context.set_default_timeout(TIMEOUT_MS)
        complaints = Complaints(context, hosts=[server.url, *elsewhere])
        yield Visit(context, context.new_page(), server.url, complaints)
        complaints.assert_none()


def link_to(server: Standalone, address: str) -> str:
    """Wait for a mail to an address, and return its link to a page."""
    deadline = time.monotonic() + _SECONDS
    while True:
        for path in server.mailbox.glob("*.eml"):
            mail = message_from_bytes(path.read_bytes())
            if mail["To"] == address:
                part = mail.get_payload(0)
                link = _LINK.search(part.get_payload(decode=True).decode())  # type: ignore[union-attr]  # a multipart mail
                assert link is not None
                return link[0]
        assert time.monotonic() < deadline, f"no mail to {address}"
        time.sleep(0.05)
