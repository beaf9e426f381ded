"""Applications whose scripts call Doorward: of its site and of another."""

import pytest

from webdriver.edge import CONSOLE, WIKI
from webdriver.installation import ADMIN, Installation
from webdriver.test_pages import sign_in
from webdriver.visitor import Visitor


def test_cookie_mode(visitor: Visitor, installation: Installation) -> None:
    console = installation.at(CONSOLE, "/console")
    visitor.open(console)
    assert visitor.rejection("refresh") == "invalid_refresh_token"
    visitor.run("log-in")
    assert visitor.run("who") == ADMIN.email
    assert visitor.run("error") == [404, True]
    assert visitor.run("cookies") == ""
    visitor.session.reload()
    assert visitor.run("who") == ADMIN.email
    first = visitor.session.open_tab()
    visitor.open(console)
    assert visitor.run("who") == ADMIN.email
    second = visitor.session.window
    visitor.session.switch_to(first)
    visitor.run("log-out")
    visitor.session.switch_to(second)
    assert visitor.rejection("refresh") == "invalid_refresh_token"
    assert visitor.run("has-ended") is True


def test_a_picture(visitor: Visitor, installation: Installation) -> None:
    visitor.open(installation.at(CONSOLE, "/console"))
    visitor.run("log-in")
    status, has_tag, width = visitor.run("picture")
    assert (status, has_tag) == (200, True)
    assert width > 0


def test_events(visitor: Visitor, installation: Installation) -> None:
    visitor.open(installation.at(CONSOLE, "/console"))
    assert visitor.run("events") == ["state", "session.ended"]


def test_an_application_of_another_site(visitor: Visitor, installation: Installation) -> None:
    wiki = installation.at(WIKI)
    visitor.open(f"{wiki}/")
    visitor.press("#sign-in")
    visitor.sees("Sign in")
    sign_in(visitor)
    visitor.sees("Application")
    assert visitor.run("callback") == [ADMIN.email, True]
    assert visitor.run("renew") is True
    assert visitor.run("userinfo") == ADMIN.email
    # After a reload there is no token, and single sign-on brings another without a page.
    visitor.open(f"{wiki}/")
    visitor.press("#sign-in")
    visitor.is_at(f"{wiki}/signed-in?")
    assert visitor.run("callback") == [ADMIN.email, True]
    visitor.press("#sign-out")
    visitor.until(lambda: visitor.session.url.partition("?")[0] == f"{wiki}/", "way back")
    visitor.press("#sign-in")
    visitor.sees("Sign in")


def test_silent_sign_on_in_a_frame(visitor: Visitor, installation: Installation) -> None:
    """For applications of the same site. To a frame of another site browsers send no cookies."""
    visitor.open(installation.page("/auth/login"))
    sign_in(visitor)
    visitor.sees("Your account")
    for host, answer in ((CONSOLE, "code"), (WIKI, "login_required")):
        silent = installation.authorization_request("silent", installation.at(host, "/silent"), prompt="none")
        visitor.open(installation.at(host, "/frames#" + silent))
        assert visitor.run("silent") == answer


@pytest.mark.parametrize("way", ["one origin", "another port"])
def test_development_without_tls(visitor: Visitor, installation: Installation, way: str) -> None:
    """As docs/browsers.md has it: through a development server, or from its port to that of the API."""
    port = installation.ports.development_port
    if way == "one origin":
        address = f"http://127.0.0.1:{port}/console?api="
    else:
        address = f"http://localhost:{port}/console?api=http://localhost:{installation.development.port}"
    visitor.open(address)
    visitor.run("log-in")
    assert visitor.run("who") == ADMIN.email
    visitor.session.reload()
    assert visitor.run("who") == ADMIN.email
    visitor.run("log-out")
    assert visitor.rejection("refresh") == "invalid_refresh_token"
