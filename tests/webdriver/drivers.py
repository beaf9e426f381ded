"""Firefox and WebKitGTK, each with a profile of its own that is thrown away."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from support.cache import cache_folder
from support.ports import free_port
from support.probes import http_status
from support.processes import Process, inherited_environment
from webdriver.protocol import Session

_ERRORS: Final = """
const found = Services.console.getMessageArray()
    .filter((one) => one instanceof Ci.nsIScriptError && /^https?:/.test(one.sourceName))
    .map((one) => `${one.category}: ${one.errorMessage}`);
Services.console.reset();
return found;
"""
_WRITTEN: Final = re.compile(r"^console\.(?:error|warn): ([\"(].*)$", re.MULTILINE)
"""What scripts of pages write is quoted. Lines of those parts of Firefox that cannot be silenced are not."""

_END: Final = "the end of what scripts have written"


@dataclass(frozen=True)
class Look:
    """What a user has chosen for all pages."""

    language: str = "en-GB"
    is_dark: bool = False


@dataclass(frozen=True)
class Browser:
    """A browser of this machine: `firefox` or `webkit`. `display` is that of an X server.

    `program` is the path of geckodriver, or of WebKit's browser.
    """

    name: str
    program: str
    folder: Path
    display: str

    @contextmanager
    def running(self, look: Look) -> Iterator[tuple[Session, Process]]:
        """Run it during the block, without cookies; the block gets it and its driver."""
        start = _firefox if self.name == "firefox" else _webkit
        command, capabilities, env = start(self.program, look)
        port = free_port()
        driver = Process(
            self.name,
            [*command, f"--port={port}"],
            log=self.folder / f"driver-{port}.log",
            ready=lambda: http_status(port, "/status") == 200,
            env={"HOME": str(self.folder), "DISPLAY": self.display, **env},
        )
        with driver:
            session = Session(f"http://127.0.0.1:{port}", capabilities)
            try:
                yield session, driver
            finally:
                session.close()


_Start = tuple[list[str | Path], dict[str, Any], Mapping[str, str]]


def _firefox(driver: str, look: Look) -> _Start:
    preferences = {
        "devtools.console.stdout.content": True,
        "devtools.console.stdout.chrome": False,
        "intl.accept_languages": f"{look.language}, {look.language[:2]}",
        "layout.css.prefers-color-scheme.content-override": 0 if look.is_dark else 1,
    }
    binary = shutil.which("firefox-esr") or shutil.which("firefox")
    options = {"binary": binary, "args": ["-headless"], "prefs": preferences}
    # Access to the system is access to the console.
    return [driver, "--allow-system-access"], {"moz:firefoxOptions": options}, {}


def _webkit(browser: str, look: Look) -> _Start:
    # Safari prevents tracking, too.
    arguments = ["--automation", "--enable-itp", *(["--dark-mode"] if look.is_dark else [])]
    options = {"binary": browser, "args": arguments}
    # It asks for pages in the language of the locale.
    locale = f"{look.language.replace('-', '_')}.UTF-8"
    env = {"LC_ALL": locale, "LOCPATH": str(cache_folder() / "locales")}
    return ["WebKitWebDriver"], {"webkitgtk:browserOptions": options}, env


def messages(firefox: Session, driver: Process) -> list[str]:
    """Return the warnings and errors in Firefox's console, and what scripts have written there.

    WebKit has no such thing: its console is silent in sessions that leave no traces, as those of a driver.
    """
    firefox.evaluate("console.error(arguments[0])", _END)
    driver.wait_for_log(_END)
    written = _WRITTEN.findall(driver.log_text())
    firefox.command("POST", "moz/context", {"context": "chrome"})
    found = [str(one) for one in firefox.evaluate(_ERRORS)]
    firefox.command("POST", "moz/context", {"context": "content"})
    return found + [one for one in written if _END not in one]


@contextmanager
def display() -> Iterator[str]:
    """Run an X server without a screen during the block."""
    reader, writer = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1280x1024x24", "-nolisten", "tcp"]
    env = inherited_environment()
    with subprocess.Popen(command, env=env, pass_fds=[writer], stderr=subprocess.DEVNULL) as server:
        os.close(writer)
        try:
            with os.fdopen(reader, encoding="ascii") as numbers:
                number = numbers.readline().strip()
            assert number, "Xvfb has not started"
            yield f":{number}"
        finally:
            server.terminate()
