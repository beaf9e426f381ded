"""Cookies of pages: names and attributes by which only this host can read and set them."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

PREFIX: Final = "__Host-"
"""Browsers accept such a cookie from https alone, for one host and for all its paths (RFC 6265bis 4.1.3)."""


class Cookies:
    """Cookies of an installation. On http, which is for a loopback address alone, no prefix is possible."""

    def __init__(self, *, is_secure: bool) -> None:
        self._is_secure = is_secure

    def name(self, name: str) -> str:
        """Return the name of a cookie as browsers store it."""
        return f"{PREFIX}{name}" if self._is_secure else name

    def get(self, request: Request, name: str) -> str | None:
        """Return the value of a request's cookie."""
        return request.cookies.get(self.name(name))

    def set(self, response: Response, name: str, value: str, *, seconds: int | None = None) -> None:
        """Set a cookie for so many seconds; None: until the browser ends."""
        response.set_cookie(
            self.name(name),
            value,
            max_age=seconds,
            path="/",
            secure=self._is_secure,
            httponly=True,
            samesite="lax",
        )

    def delete(self, response: Response, name: str) -> None:
        """Delete a cookie."""
        response.delete_cookie(
            self.name(name), path="/", secure=self._is_secure, httponly=True, samesite="lax"
        )
