"""Debian's Chromium, driven by Playwright."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, Page, expect, sync_playwright

from support.requirements import CHROMIUM, need

TIMEOUT_MS: Final = 60_000.0
"""For a slow machine; nothing waits for it to pass."""


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Run a browser during the block."""
    expect.set_options(timeout=TIMEOUT_MS)
    path = need(CHROMIUM)
    with sync_playwright() as playwright:
        # In a container Chromium cannot make a sandbox of its own.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def sign_in(page: Page, email: str, password: str) -> None:
    """Fill in the login of Doorward, in any language, and send it: as password managers find the fields."""
    page.locator("[autocomplete=username]").fill(email)
    page.locator("[autocomplete=current-password]").fill(password)
    page.locator("button.primary").click()
