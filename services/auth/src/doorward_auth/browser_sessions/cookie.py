"""The cookie of a browser session."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response

from doorward_auth.browser_sessions.service import OpenedBrowserSession
from doorward_auth.browser_sessions.tokens import BrowserSessionToken


@dataclass(frozen=True, slots=True)
class BrowserSessionCookie:
    """Sets, reads and clears it.

    Lax, because clients of other sites navigate to the authorization endpoint. `is_secure` is False only
    for http on a loopback address: a browser takes no `__Host-` cookie there (RFC 6265bis section 4.1.3.2).
    """

    is_secure: bool

    @property
    def name(self) -> str:
        """Return the cookie's name."""
        return "__Host-doorward_sso" if self.is_secure else "doorward_sso"

    def read(self, cookies: Mapping[str, str]) -> BrowserSessionToken | None:
        """Return the token among a request's cookies; None for none, and for what is no token."""
        return BrowserSessionToken.parse(cookies.get(self.name, ""))

    def set(self, response: Response, opened: OpenedBrowserSession) -> None:
        """Send the token of a session; one that is not remembered ends with the browser."""
        response.set_cookie(
            self.name,
            str(opened.token),
            max_age=opened.seconds if opened.is_remembered else None,
            secure=self.is_secure,
            httponly=True,
            samesite="lax",
        )

    def clear(self, response: Response) -> None:
        """Delete the cookie of a session that is not valid."""
        response.delete_cookie(self.name, secure=self.is_secure, httponly=True, samesite="lax")
