"""Refresh tokens in cookies, for pages of browsers: no script of the page can read them.

The header `Doorward-CSRF` names the cookie. A browser sends a header of that kind for another origin only
after a preflight, and forms cannot send it. So it is also the protection from cross-site request forgery.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from doorward_client.errors import DoorwardError

COOKIE_PATH: Final = "/api/v1/auth/refresh-token"
COOKIE_NAME_LENGTH: Final = 16
COOKIE_PREFIX: Final = "doorward_refresh_"

_CSRF: Final = b"doorward-csrf"
_NAME: Final = re.compile(rf"[a-z0-9]{{1,{COOKIE_NAME_LENGTH}}}")


class OriginNotAllowedError(DoorwardError):
    """403 for a request about a cookie by a page that may not make it, or by no page."""

    status = 403
    code = "origin_not_allowed"
    detail = (
        "A refresh token in a cookie needs the header Doorward-CSRF with the cookie's name, and a page of an"
        " origin in DOORWARD_ALLOWED_ORIGINS, of the same site as the API."
    )


class InvalidCookieNameError(DoorwardError):
    """400 for a cookie's name that is not of the permitted form."""

    status = 400
    code = "invalid_cookie_name"
    detail = f"Doorward-CSRF is a name of 1 to {COOKIE_NAME_LENGTH} letters a-z and digits."


@dataclass(frozen=True, slots=True, repr=False)
class BrowserHeaders:
    """The origin of the page that sent a request, from its headers, and its cookies."""

    csrf: str | None = None
    origin: str | None = None
    fetch_site: str | None = None
    cookies: str = ""

    @property
    def has_refresh_cookie(self) -> bool:
        """Whether any refresh token is among the cookies."""
        return COOKIE_PREFIX in self.cookies


@dataclass(frozen=True, slots=True)
class RefreshCookie:
    """One cookie for a refresh token. Two applications on one API host have cookies of different names."""

    name: str
    is_secure: bool

    @property
    def key(self) -> str:
        """The name in the browser, which stores `__Secure-` only from https (RFC 6265bis section 4.1.3.1)."""
        return f"{'__Secure-' if self.is_secure else ''}{COOKIE_PREFIX}{self.name}"

    def set_cookie_header(self, token: str, *, seconds: int) -> str:
        """Return the value of Set-Cookie that stores a token."""
        return self._set(token, seconds)

    def cleared(self) -> str:
        """Return the value of Set-Cookie that removes the token."""
        return self._set("", 0)

    def token_in(self, cookies: str) -> str | None:
        """Return the token among a request's cookies; None if there is none, or if there are several.

        A sibling of the API's host can set a cookie of the same name, with a token of its own. Then it is
        not clear which of them is this application's.
        """
        pairs = (part.strip().partition("=") for part in cookies.split(";"))
        values = [value for name, _, value in pairs if name == self.key]
        return values[0] if len(values) == 1 else None

    def _set(self, value: str, seconds: int) -> str:
        secure = "; Secure" if self.is_secure else ""
        return f"{self.key}={value}; Path={COOKIE_PATH}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"


class RefreshCookies:
    """Decides which requests get and use cookies. `public_url` is where browsers reach this installation."""

    def __init__(self, origins: Collection[str], public_url: str | None) -> None:
        self._origins = frozenset(origins)
        # Plain http is for this machine alone, where browsers reject the prefix.
        self._is_secure = public_url is None or urlsplit(public_url).scheme == "https"

    def requested(self, headers: BrowserHeaders) -> RefreshCookie | None:
        """Return the cookie that a request names; None for a request that names none.

        Raises InvalidCookieNameError and OriginNotAllowedError.
        """
        if headers.csrf is None:
            return None
        if not self._is_allowed(headers):
            raise OriginNotAllowedError
        if not _NAME.fullmatch(headers.csrf):
            raise InvalidCookieNameError
        return RefreshCookie(headers.csrf, self._is_secure)

    def read(self, presented: str | BrowserHeaders) -> tuple[str, RefreshCookie | None]:
        """Return a refresh token, empty if its cookie is missing, and the cookie that it came in.

        Raises as `requested` does, and OriginNotAllowedError for a request that names no cookie.
        """
        if isinstance(presented, str):
            return presented, None
        cookie = self.requested(presented)
        if cookie is None:
            raise OriginNotAllowedError
        return cookie.token_in(presented.cookies) or "", cookie

    def _is_allowed(self, headers: BrowserHeaders) -> bool:
        """Judge by what scripts cannot set. Another site's page would get no cookie (SameSite)."""
        if headers.fetch_site == "cross-site":
            return False
        return headers.fetch_site == "same-origin" or headers.origin in self._origins


def browser_headers(fields: Collection[tuple[bytes, bytes]]) -> BrowserHeaders:
    """Read the header of a request; HTTP/2 splits cookies into several fields."""
    found: dict[bytes, str] = {}
    cookies: list[str] = []
    for name, value in fields:
        if name == b"cookie":
            cookies.append(value.decode("latin-1"))
        elif name in {_CSRF, b"origin", b"sec-fetch-site"}:
            found[name] = value.decode("latin-1")
    return BrowserHeaders(
        found.get(_CSRF), found.get(b"origin"), found.get(b"sec-fetch-site"), "; ".join(cookies)
    )
