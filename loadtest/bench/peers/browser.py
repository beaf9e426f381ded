"""A browser that signs in at a provider's login page, for the cookies that it has afterwards."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlsplit

import httpx2

from bench.http_client import ResponseError

_TIMEOUT: Final = 60.0
_MAX_REDIRECTS: Final = 5


@dataclass
class LoginForm(HTMLParser):
    """The form of a page that has a password: its action, and the values of its other fields."""

    action: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    has_password: bool = False
    _is_complete: bool = False

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if self._is_complete:
            return
        if tag == "form":
            self.action, self.fields = given.get("action", ""), {}
        elif tag == "input" and given.get("type") == "password":
            self.has_password = True
        elif tag == "input" and given.get("type") == "hidden":
            self.fields[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        self._is_complete = self._is_complete or (tag == "form" and self.has_password)


def signed_in(port: int, address: str, fields: dict[str, str]) -> str:
    """Open an address, fill in the login page that it leads to; return the value of the Cookie header.

    Cookies are kept by hand: a provider sets Secure ones, which browsers send to loopback addresses, but
    httpx2 does not.
    """
    jar: dict[str, str] = {}
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=_TIMEOUT) as client:

        def send(method: str, path: str, data: dict[str, str] | None = None) -> httpx2.Response:
            response = client.request(method, path, headers={"cookie": cookie_header(jar)}, data=data)
            for line in response.headers.get_list("set-cookie"):
                name, _, value = line.partition(";")[0].partition("=")
                jar[name] = value
            return response

        response = send("GET", address)
        for _ in range(_MAX_REDIRECTS):
            if not response.is_redirect:
                break
            response = send("GET", _path_of(response.headers["location"]))
        form = _login_form(response)
        if not form.has_password:
            raise ResponseError(f"no login page: {response.status_code} {response.text[:600]}")
        answer = send("POST", _path_of(form.action), {**form.fields, **fields})
        if answer.is_error or _login_form(answer).has_password:
            raise ResponseError(f"no login: {answer.status_code} {answer.text[:600]}")
    return cookie_header(jar)


def cookie_header(jar: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in jar.items() if value)


def _login_form(response: httpx2.Response) -> LoginForm:
    form = LoginForm()
    form.feed(response.text)
    return form


def _path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
