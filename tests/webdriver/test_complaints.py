"""What a browser complains about is noticed: without it, the other tests would say nothing of policies."""

from webdriver.conftest import complaints
from webdriver.drivers import Browser, Look
from webdriver.edge import CONSOLE
from webdriver.installation import Installation
from webdriver.visitor import Visitor


def test_a_page_with_failures(browser: Browser, installation: Installation) -> None:
    with browser.running(Look()) as (session, driver):
        visitor = Visitor(session, browser.name, driver)
        visitor.open(installation.at(CONSOLE, "/failures"))
        visitor.sees("Failures")
        found = " ".join(complaints(visitor, installation))
        assert f"img-src at {installation.at(CONSOLE, '/failures')}" in found
        if browser.name == "firefox":
            assert "something is wrong" in found
            assert "undefined" in found
