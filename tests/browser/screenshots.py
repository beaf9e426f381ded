"""Take the pictures of docs/pages.md: `make screenshots`. Compare them with the previous ones."""

import io
import tempfile
from pathlib import Path
from typing import Any, Final

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from browser.api import register
from browser.pages import ADMIN_EMAIL, ADMIN_PASSWORD, Visit, visit
from support.ports import free_port
from support.requirements import CHROMIUM, find
from support.standalone import Standalone

IMAGES: Final = Path(__file__).parents[2] / "docs" / "images"
_DESKTOP: Final[dict[str, Any]] = {"viewport": {"width": 880, "height": 660}, "device_scale_factor": 1.5}
_PHONE: Final[dict[str, Any]] = {"viewport": {"width": 390, "height": 700}, "device_scale_factor": 1.5}


def main() -> None:
    """Take every picture."""
    path = find(CHROMIUM)
    assert path is not None, "install chromium"
    IMAGES.mkdir(exist_ok=True)
    port = free_port()
    env = {
        "DOORWARD_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "DOORWARD_ADMIN_EMAIL": ADMIN_EMAIL,
        "DOORWARD_ADMIN_PASSWORD": ADMIN_PASSWORD,
        "DOORWARD_ADMIN_SET_PASSWORD_MUST_CHANGE": "false",
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        Standalone(Path(folder), port, **env) as server,
        sync_playwright() as playwright,
    ):
        authorize = register(
            server,
            "https://wiki.example.com/callback",
            "wiki",
            name="Team wiki",
            kind="confidential",
            scopes=["openid", "profile", "email", "groups"],
        )
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        _of_visitors(chromium, server)
        _of_users(chromium, server, authorize)
        chromium.close()


def _of_visitors(chromium: Browser, server: Standalone) -> None:
    for name, options in (
        ("login-light", {**_DESKTOP, "color_scheme": "light"}),
        ("login-dark", {**_DESKTOP, "color_scheme": "dark"}),
        ("login-phone", {**_PHONE, "color_scheme": "light", "locale": "de-DE"}),
    ):
        with visit(chromium, server, **options) as visitor:
            _take(visitor.open("/auth/login"), name)
    with visit(chromium, server, **_DESKTOP) as visitor:
        page = visitor.open("/auth/register")
        page.get_by_label("Name").fill("Grace Hopper")
        page.get_by_label("Email address").fill("grace@example.com")
        page.get_by_label("Password").fill("grace2026")
        page.get_by_role("button", name="Create account").click()
        page.get_by_role("alert").wait_for()
        _take(page, "register-light")


def _of_users(chromium: Browser, server: Standalone, authorize: str) -> None:
    agents = (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1",
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    )
    for agent in agents:
        with visit(chromium, server, user_agent=agent) as visitor:
            _sign_in(visitor)
    with visit(chromium, server, **_DESKTOP, color_scheme="dark") as visitor:
        _sign_in(visitor)
        page = visitor.page
        page.goto(authorize)
        allow = page.get_by_role("button", name="Allow", exact=True)
        allow.wait_for()
        _take(page, "consent-dark")
        # The application is not there to go back to.
        page.route("**/authorize?*", lambda route: route.fulfill(body="<title>Back</title>"))
        allow.click()
        page.wait_for_url("**/authorize?*")
        page.emulate_media(color_scheme="light")
        _take(visitor.open("/auth/account"), "account-light")


def _sign_in(visitor: Visit) -> None:
    visitor.open("/auth/login")
    visitor.sign_in()
    visitor.page.wait_for_url("**/auth/account")


def _take(page: Page, name: str) -> None:
    picture = Image.open(io.BytesIO(page.screenshot(full_page=True)))
    picture.save(IMAGES / f"{name}.webp", quality=82, method=6)


if __name__ == "__main__":
    main()
