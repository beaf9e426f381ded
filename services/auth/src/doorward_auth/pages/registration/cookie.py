"""The cookie by which a browser knows the registration that it has made, and what it was made for."""

from dataclasses import dataclass
from typing import Final, Self

from starlette.requests import Request
from starlette.responses import Response

from doorward_auth.pages.frame.continuation import Continuation
from doorward_auth.pages.frame.site import REGISTRATION_COOKIE
from doorward_auth.registration.repository import LIFETIME_SECONDS
from doorward_client import base64url
from doorward_ui.cookies import Cookies

_MAX_TOKEN: Final = 128
_SEPARATOR: Final = "."


@dataclass(frozen=True, slots=True)
class RegistrationCookie:
    """The token of a registration, and where its user goes then.

    The mail's link has no target: an application takes its answer only in the browser that it was left with.
    """

    token: str
    continuation: Continuation

    @classmethod
    def read(cls, request: Request, cookies: Cookies) -> Self | None:
        """Return what a browser's cookie says; None without one, and for any other text."""
        token, _, encoded = (cookies.get(request, REGISTRATION_COOKIE) or "").partition(_SEPARATOR)
        if not token or len(token) > _MAX_TOKEN:
            return None
        try:
            target = base64url.decode(encoded).decode("ascii")
        except ValueError:
            target = ""
        return cls(token, Continuation.parse(target))

    def set(self, response: Response, cookies: Cookies) -> None:
        """Send it."""
        target = self.continuation.for_cookie()
        value = self.token
        if target is not None:
            value += _SEPARATOR + base64url.encode(target.encode())
        cookies.set(response, REGISTRATION_COOKIE, value, seconds=LIFETIME_SECONDS)
