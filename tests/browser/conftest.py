"""Debian's Chromium, driven by Playwright, and a small application of another origin."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from browser.application import Application, application_pages
from browser.complaints import Complaints
from browser.pages import ADMIN_EMAIL, ADMIN_PASSWORD, UPSTREAMS
from support.chromium import TIMEOUT_MS, running_chromium
from support.ports import free_port
from support.services import Service, create_admin, migrate
from support.serving import serving
from support.standalone import Standalone


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """A browser for this folder; other folders' tests run event loops in the thread of its own."""
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def expected_complaints() -> tuple[str, ...]:
    """Patterns of what a browser says in its console because a test provokes it; files have their own."""
    return ()


@pytest.fixture
def context(chromium: Browser, expected_complaints: tuple[str, ...]) -> Iterator[BrowserContext]:
    """A browser without cookies. What it complains about fails the test."""
    with chromium.new_context() as context:
        context.set_default_timeout(TIMEOUT_MS)
        complaints = Complaints(context, *expected_complaints)
        yield context
        complaints.assert_none()


@pytest.fixture(scope="package")
def application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """Auth with one account, and pages of listed and of other origins."""
    folder = tmp_path_factory.mktemp("application")
    with ExitStack() as stack:
        listed, unlisted = (stack.enter_context(serving(application_pages())) for _ in range(2))
        url = f"sqlite:///{folder}/doorward.db"
        migrate(url)
        admin = create_admin(url)
        auth = stack.enter_context(browser_service(url, folder / "auth.log", listed))
        yield Application(auth, admin, url, localhost(listed), localhost(unlisted))


@pytest.fixture(scope="package")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    """Every service with pages, open registration, upstreams, an administrator, and mail in a folder."""
    env = {
        "DOORWARD_ADMIN_EMAIL": ADMIN_EMAIL,
        "DOORWARD_ADMIN_PASSWORD": ADMIN_PASSWORD,
        "DOORWARD_ADMIN_SET_PASSWORD_MUST_CHANGE": "false",
        "DOORWARD_UPSTREAMS": json.dumps(UPSTREAMS),
    }
    port = free_port()
    folder = tmp_path_factory.mktemp("pages")
    with Standalone(folder, port, DOORWARD_PUBLIC_URL=f"http://127.0.0.1:{port}", **env) as server:
        yield server


def browser_service(database_url: str, log: Path, *origins: str) -> Service:
    """Return auth as an installation on this machine has it, whose origins are listed."""
    env = {
        "DOORWARD_ALLOWED_ORIGINS": ",".join(map(localhost, origins)),
        "DOORWARD_PUBLIC_URL": "http://localhost:8080",
    }
    return Service("auth", database_url=database_url, log=log, env=env)


def captcha_service(database_url: str, log: Path, script_url: str, **env: str) -> Service:
    """Return auth with pages that show a captcha. No provider is there to verify it."""
    captcha = {
        "DOORWARD_CAPTCHA_VERIFY_URL": "http://127.0.0.1:9/siteverify",
        "DOORWARD_CAPTCHA_SECRET": "secret",
        "DOORWARD_CAPTCHA_SITE_KEY": "site-key",
        "DOORWARD_CAPTCHA_SCRIPT_URL": script_url,
        "DOORWARD_SMTP_HOST": "127.0.0.1",
        "DOORWARD_SMTP_PORT": "9",
        "DOORWARD_MAIL_FROM": "doorward@example.com",
        "DOORWARD_REGISTRATION": "open",
    }
    with_pages = {"DOORWARD_PUBLIC_URL": "http://localhost:8080"}
    return Service("auth", database_url=database_url, log=log, env={**with_pages, **captcha, **env})


def localhost(url: str) -> str:
    """Return an address of this machine by its name: pages and API are then of one site."""
    return url.replace("127.0.0.1", "localhost")
