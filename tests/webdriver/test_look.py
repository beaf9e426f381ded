"""The pages as a browser draws them: in each language, light and dark, on a phone, without barriers."""

from collections.abc import Sequence
from functools import partial
from typing import Final

import pytest

from browser import axe
from browser.states import PATHS
from browser.test_page_look import OVERFLOWS, TOO_SMALL
from webdriver.conftest import Visit
from webdriver.drivers import Look
from webdriver.edge import FRAME
from webdriver.installation import Installation
from webdriver.test_pages import sign_in
from webdriver.visitor import Visitor

SIGNED_IN: Final = ("account.html", "sign_out.html")
OPEN_PATHS: Final = [
    path for name, path in PATHS.items() if name not in (*SIGNED_IN, "upstream_password.html")
]
LOOKS: Final = {"light": Look("en-GB"), "dark": Look("de-DE", is_dark=True)}

_FRAME_TO: Final = "document.querySelector('iframe').src = arguments[0]"
_LOADED: Final = (
    "return document.readyState === 'complete' && location.pathname + location.search === arguments[0]"
)
_BACKGROUND: Final = """
const context = document.createElement("canvas").getContext("2d");
context.fillStyle = getComputedStyle(document.documentElement).backgroundColor;
context.fillRect(0, 0, 1, 1);
return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
"""
_AXE: Final = """
const options = { runOnly: arguments[0], resultTypes: ["violations"], preload: false };
return axe.run(document, options).then(({ violations }) =>
    violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" ")}`));
"""


@pytest.mark.parametrize("scheme", LOOKS)
def test_pages_fit_and_have_no_barriers(visit: Visit, installation: Installation, scheme: str) -> None:
    look = LOOKS[scheme]
    with visit(look) as visitor:
        check(visitor, installation, OPEN_PATHS, look)
        visitor.open(installation.page("/auth/login"))
        sign_in(visitor)
        visitor.find("main a[href='/auth/logout']")
        visitor.open(installation.at(FRAME, "/auth/login"))
        sign_in(visitor)
        visitor.find("main a[href='/auth/logout']")
        check(visitor, installation, [PATHS[name] for name in SIGNED_IN], look)


def check(visitor: Visitor, installation: Installation, paths: Sequence[str], look: Look) -> None:
    """Look at pages in a window, and in a frame of 320 pixels."""
    for path in paths:
        visitor.open(installation.page(path))
        assert visitor.session.evaluate("return document.documentElement.lang") == look.language[:2]
        assert visitor.session.evaluate("return document.scripts.length") == 0, path
        assert (max(visitor.session.evaluate(_BACKGROUND)) < 64) == look.is_dark, path
        assert visitor.session.evaluate(axe.source() + _AXE, axe.RULES) == [], path
    visitor.open(installation.at(FRAME, "/narrow"))
    for path in paths:
        visitor.session.evaluate(_FRAME_TO, path)
        visitor.session.enter_frame(visitor.find("iframe"))
        visitor.until(partial(visitor.session.evaluate, _LOADED, path), path)
        assert visitor.session.evaluate("return innerWidth") == 320
        assert visitor.session.evaluate(f"return ({OVERFLOWS})()") is False, path
        assert visitor.session.evaluate(f"return ({TOO_SMALL})()") == [], path
        visitor.session.enter_frame(None)
