"""A browser without a screen and without JavaScript: pages, their forms, cookies, links."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Final

import httpx2
from starlette.testclient import TestClient

from integration.harness.installation import Installation

PUBLIC_URL: Final = "http://127.0.0.1:8080"


@dataclass
class Form:
    """A form of a page."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    id: str = ""


@dataclass
class Page:
    """A response as its reader gets it."""

    response: httpx2.Response
    forms: list[Form] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    text: str = ""
    title: str = ""
    language: str = ""
    refresh: str | None = None
    invalid: list[str] = field(default_factory=list)
    """Names of the fields that are marked as wrong."""

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def path(self) -> str:
        """The path and the query where the browser is."""
        return str(self.response.url.raw_path, "ascii")

    def form(self, action: str) -> Form:
        """Return the form of an action."""
        return next(form for form in self.forms if form.action == action)


class _Reader(HTMLParser):
    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._inside.append(tag)
        if tag == "html":
            self._page.language = given["lang"]
        elif tag == "form":
            self._page.forms.append(Form(given["action"], id=given.get("id", "")))
        elif tag == "a":
            self._page.links.append(given["href"])
        elif tag == "meta" and given.get("http-equiv") == "refresh":
            self._page.refresh = given["content"]
        elif tag == "button" and "formaction" in given:
            form = next(one for one in self._page.forms if one.id == given["form"])
            fields = {**form.fields, given["name"]: given["value"]}
            self._page.forms.append(Form(given["formaction"], fields))
        elif tag == "input":
            self._input(given)

    def handle_data(self, data: str) -> None:
        if "title" in self._inside[-1:]:
            self._page.title += data
        else:
            self._page.text += data

    def _input(self, given: dict[str, str]) -> None:
        if given.get("aria-invalid") == "true":
            self._page.invalid.append(given["name"])
        if given["type"] != "checkbox" or "checked" in given:
            self._page.forms[-1].fields[given["name"]] = given.get("value", "")


class Browser:
    """One browser, with its own cookies."""

    def __init__(self, installation: Installation, url: str = PUBLIC_URL, **headers: str) -> None:
        self.client = TestClient(
            installation.auth_app,
            base_url=url,
            raise_server_exceptions=False,
            headers={"accept-language": "en", **headers},
        )
        # Its connections and those of other clients belong to one event loop.
        self.client.portal = installation.auth.portal

    def open(self, path: str, **options: Any) -> Page:
        """Go to a page, and follow redirects within the installation."""
        return read(self.client.get(path, **options))

    def send(self, page: Page, action: str, fields: Mapping[str, str] | None = None, **options: Any) -> Page:
        """Fill in a form of a page and send it."""
        data = {**page.form(action).fields, **(fields or {})}
        return read(self.client.post(action, data=data, **options))

    def log_in(self, email: str, password: str, path: str = "/auth/login") -> Page:
        """Sign in at the login page."""
        return self.send(self.open(path), "/auth/login", {"email": email, "password": password})


def read(response: httpx2.Response) -> Page:
    """Read a response as a page."""
    page = Page(response)
    _Reader(page).feed(response.text)
    return page
