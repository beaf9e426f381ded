"""Tells forms of our own pages from forms of other sites, which a browser sends with our cookies, too.

Two independent checks. The browser says where a form comes from (Sec-Fetch-Site, or Origin). And each form
carries a code of the browser's own cookie, which another site cannot read. This prevents login CSRF, too:
that cookie exists before the sign-in, when there is no session.

Nothing expires under a form. A form whose check fails is shown again, filled in, and then it works.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from doorward_client import base64url
from doorward_ui.cookies import Cookies

FIELD: Final = "form_code"
COOKIE: Final = "doorward_browser"

_BROWSER: Final = re.compile(r"[A-Za-z0-9_-]{22}")
_BROWSER_BYTES: Final = 16
_SAME: Final = frozenset({"same-origin", "none"})


class FormProtection:
    """Issues codes of forms and checks them.

    `secrets_of` returns the keys, of which the first makes codes and all are accepted. `public_url` is where
    browsers reach this installation.
    """

    def __init__(self, secrets_of: Callable[[], Sequence[bytes]], cookies: Cookies, public_url: str) -> None:
        self._secrets_of = secrets_of
        self._cookies = cookies
        parts = urlsplit(public_url)
        self._origin = f"{parts.scheme}://{parts.netloc}".lower()

    def browser_of(self, request: Request) -> str:
        """Return the browser's own value: that of its cookie, or a new one."""
        known = self._cookies.get(request, COOKIE)
        return known if known and _BROWSER.fullmatch(known) else secrets.token_urlsafe(_BROWSER_BYTES)

    def remember(self, response: Response, request: Request, browser: str) -> None:
        """Set the browser's cookie, unless the request has it."""
        if self._cookies.get(request, COOKIE) != browser:
            self._cookies.set(response, COOKIE, browser)

    def code(self, browser: str, action: str) -> str:
        """Return the code of a form that is sent to the path `action`."""
        return _code(self._secrets_of()[0], browser, action)

    def is_own(self, request: Request, action: str, sent_code: str) -> bool:
        """Tell whether a form is of one of our pages, shown to this browser."""
        browser = self._cookies.get(request, COOKIE)
        if browser is None or not self._is_same_origin(request):
            return False
        expected = [_code(secret, browser, action) for secret in self._secrets_of()]
        return any(
            hmac.compare_digest(code.encode(), sent_code.encode("utf-8", "replace")) for code in expected
        )

    def _is_same_origin(self, request: Request) -> bool:
        site = request.headers.get("sec-fetch-site")
        if site is not None:
            return site in _SAME
        # Browsers that send no Sec-Fetch-Site. `null` is what our own pages send, by their Referrer-Policy.
        origin = request.headers.get("origin", "null").lower()
        return origin in {"null", self._origin}


def _code(secret: bytes, browser: str, action: str) -> str:
    message = f"doorward form\n{browser}\n{action}".encode()
    return base64url.encode(hmac.new(secret, message, hashlib.sha256).digest())
