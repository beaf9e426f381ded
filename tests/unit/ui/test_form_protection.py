"""Forms of other sites, and of other browsers, are distinguished from our own."""

import pytest
from starlette.requests import Request
from starlette.responses import Response

from doorward_ui.cookies import Cookies
from doorward_ui.form_protection import COOKIE, FormProtection

_SECRETS = [b"k" * 32]
_ACTION = "/auth/login"


def _protection(*, is_secure: bool = True) -> FormProtection:
    scheme = "https" if is_secure else "http"
    return FormProtection(lambda: _SECRETS, Cookies(is_secure=is_secure), f"{scheme}://id.example.com")


def _request(browser: str | None = None, **headers: str) -> Request:
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    if browser is not None:
        fields.append((b"cookie", f"__Host-{COOKIE}={browser}".encode()))
    return Request({"type": "http", "method": "POST", "headers": fields})


def test_a_form_of_our_page_is_accepted() -> None:
    protection = _protection()
    browser = protection.browser_of(_request())
    code = protection.code(browser, _ACTION)
    assert protection.is_own(_request(browser, sec_fetch_site="same-origin"), _ACTION, code)
    assert protection.is_own(_request(browser, origin="https://id.example.com"), _ACTION, code)
    assert protection.is_own(_request(browser, origin="null"), _ACTION, code)


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "cross-site", "origin": "https://id.example.com"},
        {"origin": "https://evil.example"},
        {"origin": "https://id.example.com.evil.example"},
        {"origin": "http://id.example.com"},
    ],
)
def test_a_form_of_another_site_is_rejected(headers: dict[str, str]) -> None:
    protection = _protection()
    browser = protection.browser_of(_request())
    assert not protection.is_own(_request(browser, **headers), _ACTION, protection.code(browser, _ACTION))


def test_a_code_is_of_one_browser_one_path_and_one_installation() -> None:
    protection = _protection()
    mine, other = protection.browser_of(_request()), protection.browser_of(_request())
    code = protection.code(mine, _ACTION)
    assert mine != other
    assert not protection.is_own(_request(other), _ACTION, code)
    assert not protection.is_own(_request(mine), "/auth/register", code)
    assert not protection.is_own(_request(None), _ACTION, code)
    assert not protection.is_own(_request(mine), _ACTION, "é" + code[1:])
    elsewhere = FormProtection(lambda: [b"x" * 32], Cookies(is_secure=True), "https://id.example.com")
    assert not elsewhere.is_own(_request(mine), _ACTION, code)


def test_a_form_outlives_a_change_of_keys() -> None:
    protection = _protection()
    browser = protection.browser_of(_request())
    code = protection.code(browser, _ACTION)
    rotated = FormProtection(
        lambda: [b"n" * 32, *_SECRETS], Cookies(is_secure=True), "https://id.example.com"
    )
    assert rotated.is_own(_request(browser), _ACTION, code)
    assert rotated.code(browser, _ACTION) != code


@pytest.mark.parametrize("value", ["", "short", "x" * 23, "a b" * 7 + "a"])
def test_a_cookie_that_we_did_not_set_is_replaced(value: str) -> None:
    assert _protection().browser_of(_request(value)) != value


def test_the_cookie_is_of_this_host_alone_and_set_once() -> None:
    protection, response = _protection(), Response()
    browser = protection.browser_of(_request())
    protection.remember(response, _request(), browser)
    cookie = response.headers["set-cookie"]
    assert cookie == f"__Host-{COOKIE}={browser}; HttpOnly; Path=/; SameSite=lax; Secure"
    again = Response()
    protection.remember(again, _request(browser), browser)
    assert "set-cookie" not in again.headers


def test_on_http_the_cookie_has_neither_prefix_nor_secure() -> None:
    protection, response = _protection(is_secure=False), Response()
    protection.remember(response, _request(), "b" * 22)
    assert response.headers["set-cookie"] == f"{COOKIE}={'b' * 22}; HttpOnly; Path=/; SameSite=lax"
