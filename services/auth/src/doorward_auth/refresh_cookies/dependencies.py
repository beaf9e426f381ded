"""The cookie that endpoints of refresh tokens depend on."""

from typing import Annotated, Any, Final

from fastapi import Depends, Request

from doorward_auth.refresh_cookies.cookies import RefreshCookie, RefreshCookies, browser_headers
from doorward_kit.dependencies import provide

Cookies = Annotated[RefreshCookies, provide(RefreshCookies)]


async def _requested_cookie(request: Request, cookies: Cookies) -> RefreshCookie | None:
    """Return the cookie that a request names; raises as RefreshCookies.requested does."""
    return cookies.requested(browser_headers(request.headers.raw))


COOKIE_PARAMETER: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": "Doorward-CSRF",
            "in": "header",
            "description": "Name of the cookie for the refresh token, for pages of allowed origins.",
            "schema": {"type": "string", "pattern": "^[a-z0-9]{1,16}$"},
        }
    ]
}
"""For OpenAPI: the header that RefreshCookies reads, which needs all of the header anyway."""

RequestedCookie = Annotated[RefreshCookie | None, Depends(_requested_cookie)]
