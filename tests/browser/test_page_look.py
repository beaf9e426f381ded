"""Every page in each language, light and dark, on a narrow phone and zoomed: no barriers, nothing cut off."""

from collections.abc import Iterator
from typing import Final, Literal

import pytest
from playwright.sync_api import Browser, Page

from browser import axe
from browser.conftest import captcha_service
from browser.pages import GIT_SERVER, Visit, visit
from browser.states import CALLBACK, PATHS, SHIPPED, STATES, is_of
from support.services import Service, migrate
from support.standalone import Standalone

CLOSED: Final = "closed.html"
SCHEMES: Final[dict[str, tuple[Literal["light", "dark"], ...]]] = {
    "en-GB": ("light", "dark"),
    "de-DE": ("dark",),
}
"""By the languages of browsers. German has longer words, and the same colours."""

each_language = pytest.mark.parametrize("locale", SCHEMES, scope="module")

TOO_SMALL = """() => [...document.querySelectorAll("a, button, input:not([type=hidden])")]
    .map(one => [one, (one.type === "checkbox" ? one.parentElement : one).getBoundingClientRect()])
    .filter(([one, box]) => (one.matches("a:not(.button)") ? box.height < 18 : box.height < 43.9))
    .map(([one]) => one.outerHTML)"""
"""Links within text may be as high as its line (WCAG 2.5.8); buttons and fields are 44 pixels high."""

OVERFLOWS = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def signed_in(chromium: Browser, pages: Standalone, locale: str) -> Iterator[Visit]:
    """A visitor with several sessions."""
    with visit(chromium, pages, has_touch=True) as other:
        other.open("/auth/login")
        other.sign_in()
        other.page.wait_for_url("**/auth/account")
        with visit(chromium, pages, elsewhere=[CALLBACK], locale=locale) as visitor:
            visitor.open("/auth/login")
            visitor.sign_in()
            visitor.page.wait_for_url("**/auth/account")
            yield visitor


@pytest.fixture(scope="module")
def anonymous(chromium: Browser, pages: Standalone, locale: str) -> Iterator[Visit]:
    """A visitor without a session, who stays so."""
    with visit(chromium, pages, elsewhere=[GIT_SERVER], locale=locale) as visitor:
        yield visitor


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Auth with closed registration."""
    folder = tmp_path_factory.mktemp("closed")
    url = f"sqlite:///{folder}/doorward.db"
    migrate(url)
    script = "https://captcha.example.com/api.js"
    with captcha_service(url, folder / "auth.log", script, DOORWARD_REGISTRATION="closed") as service:
        yield service


@each_language
@pytest.mark.parametrize("name", STATES)
def test_a_page_has_no_barriers_and_fits(
    signed_in: Visit, anonymous: Visit, pages: Standalone, name: str, locale: str
) -> None:
    state = STATES[name]
    visitor = signed_in if state.is_signed_in else anonymous
    visitor.page.unroute_all()
    state.reach(visitor, pages)
    check(visitor.page, state.template, locale)
    visitor.complaints.assert_none()


@each_language
def test_a_closed_registration_has_no_barriers_and_fits(
    chromium: Browser, closed: Service, locale: str
) -> None:
    with visit(chromium, closed, locale=locale) as visitor:
        check(visitor.open("/auth/register"), CLOSED, locale)


def test_every_template_is_looked_at() -> None:
    assert {state.template for state in STATES.values()} | {CLOSED} == SHIPPED.keys()


def check(page: Page, template: str, locale: str) -> None:
    """Look for another language, for barriers, and for what is cut off on a narrow phone and zoomed."""
    assert page.locator("html").get_attribute("lang") == locale[:2]
    assert is_of(page, template), page.inner_text("body")
    assert page.locator("h1").count() == 1
    page.set_viewport_size({"width": 1280, "height": 800})
    for scheme in SCHEMES[locale]:
        page.emulate_media(color_scheme=scheme)
        assert axe.violations(page) == []
    # 320 pixels are also what 1280 pixels are at 400 % (WCAG 1.4.10).
    for width, height in ((320, 640), (640, 400)):
        page.set_viewport_size({"width": width, "height": height})
        assert not page.evaluate(OVERFLOWS), f"cut off at {width}"
        assert page.evaluate(TOO_SMALL) == []


@each_language
def test_large_text_and_wide_spacing_cut_nothing_off(
    chromium: Browser, pages: Standalone, locale: str
) -> None:
    """WCAG 1.4.4 and 1.4.12."""
    spacing = (
        "* { line-height: 1.5 !important; letter-spacing: 0.12em !important;"
        " word-spacing: 0.16em !important } body { font-size: 32px }"
    )
    viewport = {"width": 640, "height": 800}
    with visit(chromium, pages, viewport=viewport, bypass_csp=True, locale=locale) as visitor:
        for path in PATHS.values():
            page = visitor.open(path)
            page.add_style_tag(content=spacing)
            assert not page.evaluate(OVERFLOWS), path
