"""A page that keeps its refresh token in a cookie, as the tests act for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx2

from integration.harness.installation import AUTH, Installation
from integration.harness.people import PASSWORD

PAGE: Final = "https://app.example.com"
API: Final = "https://api.example.com"
COOKIE: Final = "__Secure-doorward_refresh_console"
SET: Final = {"path": f"{AUTH}/refresh-token", "httponly": "", "secure": "", "samesite": "Strict"}


@dataclass(frozen=True)
class Page:
    """Requests of a page of `origin`. A header given as None is not sent."""

    api: Installation
    origin: str = PAGE
    name: str = "console"

    def headers(self, **changed: str | None) -> dict[str, str]:
        """Return what a browser sends with a request of the page."""
        usual = {"Origin": self.origin, "Doorward-CSRF": self.name, "Sec-Fetch-Site": "same-site"}
        named = {name.replace("_", "-"): value for name, value in changed.items()}
        return {name: value for name, value in {**usual, **named}.items() if value is not None}

    def log_in(self, email: str, **headers: str | None) -> httpx2.Response:
        """Log in with the password of every test."""
        body = {"email": email, "password": PASSWORD}
        return self.api.call("POST", f"{AUTH}/token", headers=self.headers(**headers), json=body)

    def refresh(self, token: str | None, **headers: str | None) -> httpx2.Response:
        """Refresh without a body, with the cookie if there is one."""
        cookie = None if token is None else f"other=1; {COOKIE}={token}"
        return self.api.call("POST", f"{AUTH}/refresh-token", headers=self.headers(Cookie=cookie, **headers))


def cookie_of(response: httpx2.Response) -> tuple[str, str, Mapping[str, str]]:
    """Return the name, the value and the attributes of the one cookie that an answer sets."""
    (field,) = response.headers.get_list("set-cookie")
    pair, *attributes = [part.strip() for part in field.split(";")]
    name, _, value = pair.partition("=")
    found = {key.lower(): text for key, _, text in (attribute.partition("=") for attribute in attributes)}
    return name, value.strip('"'), found


def token_in_cookie(response: httpx2.Response) -> str:
    """Return the refresh token of the cookie; fails the test if any body contains one."""
    assert response.status_code == 200, response.text
    assert "dwr_" not in response.text
    name, value, _ = cookie_of(response)
    assert name == COOKIE
    assert value.startswith("dwr_")
    return value


def assert_cleared(response: httpx2.Response) -> None:
    """Fail the test unless the answer removes the cookie from its path."""
    name, value, attributes = cookie_of(response)
    assert (name, value) == (COOKIE, "")
    assert attributes == {**SET, "max-age": "0"}


def sets_no_cookie(response: httpx2.Response) -> bool:
    """Tell whether an answer leaves the cookies as they are."""
    return "set-cookie" not in response.headers
