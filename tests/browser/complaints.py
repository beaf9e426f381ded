"""What a browser complains about: in its console, of scripts that fail, and of requests elsewhere."""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, Response, WebError

REJECTED: Final = r"Failed to load resource: the server responded with a status of 4\d\d .*"
"""Chromium's line about an answer that says what was wrong with a form or a call."""

UNREADABLE: Final = (
    r"Access to fetch at .* has been blocked by CORS policy: .*",
    r"Failed to load resource: net::ERR_FAILED",
)
"""Its lines about an answer that a page may not read."""


_PARTS: Final = {"stylesheet", "script", "image", "font"}


class Complaints:
    """Listens to every page of a browser. `expected` are patterns of lines that a test provokes.

    `hosts` are the only ones that pages may send requests to; None does not look at them.
    """

    def __init__(self, context: BrowserContext, *expected: str, hosts: Sequence[str] | None = None) -> None:
        self._context = context
        self._expected = re.compile("|".join((REJECTED, *expected)), re.DOTALL)
        self._hosts = None if hosts is None else {urlsplit(url).netloc for url in hosts}
        self._found: list[str] = []
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)
        context.on("request", self._on_request)
        context.on("response", self._on_response)

    def assert_none(self) -> None:
        """Fail the test if there was one since the last call."""
        # What the browser said before this answer has been heard.
        self._context.cookies()
        found, self._found = self._found, []
        assert found == [], found

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not self._expected.fullmatch(message.text):
            self._found.append(message.text)

    def _on_error(self, error: WebError) -> None:
        self._found.append(str(error.error))

    def _on_response(self, response: Response) -> None:
        if response.status >= 400 and response.request.resource_type in _PARTS:
            self._found.append(f"{response.status} for {response.url}")

    def _on_request(self, request: Request) -> None:
        if self._hosts is not None and urlsplit(request.url).netloc not in self._hosts:
            self._found.append(f"a request to {request.url}")
