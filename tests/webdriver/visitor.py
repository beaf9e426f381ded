"""A user in front of a browser: opens addresses, fills in forms, presses buttons, and reads."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from support.processes import Process
from webdriver.protocol import BETWEEN_PAGES, TIMEOUT_SECONDS, Element, Session, WebDriverError

_POLL_SECONDS: Final = 0.05
_HAS_FOCUS: Final = "return document.activeElement?.matches(arguments[0]) ?? false"

_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Visitor:
    """Waits for what a page shows, because each press of a button may lead to another page."""

    session: Session
    browser: str
    driver: Process

    def open(self, url: str) -> None:
        """Go to an address."""
        self.session.open(url)

    def until(self, find: Callable[[], _Found | None], what: str) -> _Found:
        """Wait until a look at the page finds something, and return it."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while True:
            try:
                found = find()
            except WebDriverError as error:
                if error.code not in BETWEEN_PAGES:
                    raise
                found = None
            if found:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"no {what} at {self.session.url}:\n{self.session.find('body').text}")
            time.sleep(_POLL_SECONDS)

    def find(self, selector: str) -> Element:
        """Wait for an element that can be seen."""

        def visible() -> Element | None:
            element = self.session.find(selector)
            return element if element.is_displayed else None

        return self.until(visible, selector)

    def sees(self, heading: str) -> None:
        """Wait for a page with this heading."""
        self.until(lambda: self.session.find("h1").text == heading, repr(heading))

    def is_at(self, url: str) -> None:
        """Wait for a page whose address begins like this."""
        self.until(lambda: self.session.url.startswith(url), f"way to {url}")

    def reads(self, selector: str) -> str:
        """Return the text of an element."""
        return self.until(lambda: self.find(selector).text, f"text in {selector}")

    def has_focus(self, selector: str) -> None:
        """Wait until an element has the focus."""
        self.until(lambda: self.session.evaluate(_HAS_FOCUS, selector), f"focus on {selector}")

    def submit(self, **fields: str) -> None:
        """Type into fields of these names, and send their form with its button."""
        for name, value in fields.items():
            self.find(f"[name={name}]").fill(value)
        self.press("form button[type=submit]")

    def press(self, selector: str) -> None:
        """Press a button or follow a link."""
        self.find(selector).click()

    def run(self, action: str) -> Any:
        """Press a button of an application, and return what its script returned; fails if that failed."""
        result = self._result(action)
        assert "error" not in result, result
        return result["value"]

    def rejection(self, action: str) -> str:
        """Press a button of an application whose script fails, and return why."""
        result = self._result(action)
        assert "error" in result, result
        return str(result["error"])

    def _result(self, action: str) -> dict[str, Any]:
        self.press(f"#{action}")
        text = self.until(lambda: self.session.find("#result").text, f"result of {action}")
        result: dict[str, Any] = json.loads(text)
        assert result["name"] == action, result
        return result
