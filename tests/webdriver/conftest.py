"""The browsers of this machine, and an installation that both visit."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

import pytest

from clients.conftest import FOLDER, execute
from support.requirements import fail_or_skip
from webdriver.drivers import Browser, Look, display, messages
from webdriver.edge import CONSOLE
from webdriver.installation import Installation, running_installation
from webdriver.protocol import TIMEOUT_SECONDS
from webdriver.visitor import Visitor

VARIABLE: Final = "DOORWARD_TEST_BROWSERS"
"""The browsers, as install.sh prints them."""


def installed() -> dict[str, str]:
    """Return the path of each browser's program: of Firefox the driver, of WebKit the browser."""
    lines = os.environ.get(VARIABLE, "").splitlines()
    return {name: path for name, _, path in (line.partition("=") for line in lines if line)}


Visit = Callable[..., AbstractContextManager[Visitor]]


@pytest.fixture(scope="session")
def screen() -> Iterator[str]:
    """The X server of WebKit. Firefox needs none."""
    if "webkit" not in installed():
        yield ""
        return
    with display() as name:
        yield name


@pytest.fixture(scope="session", params=["firefox", "webkit"])
def browser(request: pytest.FixtureRequest, screen: str, tmp_path_factory: pytest.TempPathFactory) -> Browser:
    name: str = request.param
    program = installed().get(name)
    if program is None:
        fail_or_skip(f"{name} is not installed; `make browsers-test` installs it")
    return Browser(name, program, tmp_path_factory.mktemp(name), screen)


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = Path(shutil.copytree(FOLDER / "node", tmp_path_factory.mktemp("node") / "node"))
    execute("npm", "ci", "--no-audit", "--no-fund", cwd=folder)
    with running_installation(tmp_path_factory.mktemp("installation"), folder / "node_modules") as running:
        yield running


@pytest.fixture
def visit(browser: Browser, installation: Installation) -> Visit:
    """Start a browser without cookies. What it complains about at the end fails the test."""

    @contextmanager
    def visit(look: Look | None = None) -> Iterator[Visitor]:
        with browser.running(look or Look()) as (session, driver):
            visitor = Visitor(session, browser.name, driver)
            yield visitor
            assert complaints(visitor, installation) == []

    return visit


@pytest.fixture
def visitor(visit: Visit) -> Iterator[Visitor]:
    with visit() as visitor:
        yield visitor


def complaints(visitor: Visitor, installation: Installation) -> list[str]:
    """Return what policies have stopped, and what is in the console, as far as the browser tells."""
    found = messages(visitor.session, visitor.driver) if visitor.browser == "firefox" else []
    # What a page has reported before arrives before the report about this one.
    visitor.open(installation.at(CONSOLE, "/violation"))
    reports = installation.applications.reports_before_violation(TIMEOUT_SECONDS)
    return found + [f"{one['violated-directive']} at {one['document-uri']}" for one in reports]
