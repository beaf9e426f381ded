"""A client of WebDriver (https://www.w3.org/TR/webdriver2/): the few commands that the tests need."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx2

TIMEOUT_SECONDS: Final = 60.0
"""For a slow machine; nothing waits for it to pass."""

_ELEMENT: Final = "element-6066-11e4-a52e-4f735466cecf"

NO_ELEMENT: Final = "no such element"
BETWEEN_PAGES: Final = frozenset({NO_ELEMENT, "stale element reference", "javascript error", "no such frame"})
"""Errors of commands about a page that is being replaced."""


class WebDriverError(Exception):
    """An error that a driver answers with; `code` is that of the standard."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass(frozen=True)
class Element:
    """An element of a page."""

    session: "Session"
    id: str

    @property
    def text(self) -> str:
        """The text as a user sees it."""
        return str(self._get("text"))

    @property
    def is_displayed(self) -> bool:
        """Whether a user can see it."""
        return bool(self._get("displayed"))

    def property(self, name: str) -> Any:
        """Return a property of the DOM."""
        return self._get(f"property/{name}")

    def click(self) -> None:
        """Click its middle, as a mouse does."""
        self._post("click")

    def fill(self, text: str) -> None:
        """Replace what is in a field, with the keys of a keyboard."""
        self._post("clear")
        self._post("value", text=text)

    def _get(self, path: str) -> Any:
        return self.session.command("GET", f"element/{self.id}/{path}")

    def _post(self, path: str, **body: Any) -> None:
        self.session.command("POST", f"element/{self.id}/{path}", body)


class Session:
    """A browser that a driver has started."""

    def __init__(self, driver_url: str, capabilities: Mapping[str, Any]) -> None:
        """Start the browser; raises WebDriverError."""
        self._http = httpx2.Client(base_url=driver_url, trust_env=False, timeout=2 * TIMEOUT_SECONDS)
        timeouts = {"pageLoad": 1000 * TIMEOUT_SECONDS, "script": 1000 * TIMEOUT_SECONDS}
        wanted = {"alwaysMatch": {"acceptInsecureCerts": True, "timeouts": timeouts, **capabilities}}
        started = self._call("POST", "/session", {"capabilities": wanted})
        self._path = f"/session/{started['sessionId']}"

    def command(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send a command to the browser and return its value; raises WebDriverError."""
        return self._call(method, f"{self._path}/{path}", {} if body is None and method == "POST" else body)

    def close(self) -> None:
        """End the browser."""
        self._call("DELETE", self._path)
        self._http.close()

    @property
    def url(self) -> str:
        """The address of the page."""
        return str(self.command("GET", "url"))

    @property
    def windows(self) -> list[str]:
        """The tabs."""
        return list(self.command("GET", "window/handles"))

    @property
    def window(self) -> str:
        """The tab that commands are about."""
        return str(self.command("GET", "window"))

    @property
    def cookies(self) -> set[str]:
        """The names of the cookies of the page."""
        return {str(one["name"]) for one in self.command("GET", "cookie")}

    def open(self, url: str) -> None:
        """Go to an address, and wait until it has loaded."""
        self.command("POST", "url", {"url": url})

    def reload(self) -> None:
        """Load the page again."""
        self.command("POST", "refresh")

    def back(self) -> None:
        """Go back."""
        self.command("POST", "back")

    def open_tab(self) -> str:
        """Open a tab, and return the one before."""
        before = self.window
        self.switch_to(self.command("POST", "window/new", {"type": "tab"})["handle"])
        return before

    def switch_to(self, window: str) -> None:
        """Let the next commands be about another tab."""
        self.command("POST", "window", {"handle": window})

    def enter_frame(self, frame: Element | None) -> None:
        """Let the next commands be about a frame of the page; None: about the page."""
        self.command("POST", "frame", {"id": None if frame is None else {_ELEMENT: frame.id}})

    def find(self, selector: str, *, by: str = "css selector") -> Element:
        """Return the first element; raises WebDriverError."""
        found = self.command("POST", "element", {"using": by, "value": selector})
        return Element(self, found[_ELEMENT])

    def evaluate(self, script: str, *arguments: Any) -> Any:
        """Run a script in the page, and return what it returns; waits for a promise."""
        return self.command("POST", "execute/sync", {"script": script, "args": list(arguments)})

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        answer = self._http.request(method, path, json=body)
        value = answer.json()["value"]
        if not answer.is_success:
            raise WebDriverError(value["error"], value["message"])
        return value
