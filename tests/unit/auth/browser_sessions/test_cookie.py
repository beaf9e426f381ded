"""The cookie of a browser session: its attributes, and which values it reads."""

import uuid
from http.cookies import SimpleCookie

import pytest
from starlette.responses import Response

from doorward_auth.browser_sessions.cookie import BrowserSessionCookie
from doorward_auth.browser_sessions.service import OpenedBrowserSession
from doorward_auth.browser_sessions.tokens import BrowserSessionToken

USER = uuid.UUID(int=1)
TOKEN = BrowserSessionToken(uuid.UUID(int=7), b"s" * 32)


def sent(response: Response) -> str:
    header: str = response.headers["set-cookie"]
    return header


@pytest.mark.parametrize("is_remembered", [True, False])
def test_it_is_bound_to_its_host_and_hidden_from_scripts(*, is_remembered: bool) -> None:
    response = Response()
    opened = OpenedBrowserSession(USER, TOKEN, 86_400, None, is_remembered=is_remembered)
    BrowserSessionCookie(is_secure=True).set(response, opened)
    [(name, morsel)] = SimpleCookie(sent(response)).items()
    assert (name, morsel.value) == ("__Host-doorward_sso", str(TOKEN))
    assert (morsel["path"], morsel["domain"], morsel["samesite"]) == ("/", "", "lax")
    assert morsel["secure"]
    assert morsel["httponly"]
    assert morsel["max-age"] == ("86400" if is_remembered else "")


def test_http_on_a_loopback_address_has_a_name_that_browsers_take_there() -> None:
    response = Response()
    BrowserSessionCookie(is_secure=False).set(
        response, OpenedBrowserSession(USER, TOKEN, 60, None, is_remembered=True)
    )
    assert sent(response).startswith("doorward_sso=")
    assert "Secure" not in sent(response)


def test_it_is_cleared_with_the_attributes_it_was_set_with() -> None:
    response = Response()
    BrowserSessionCookie(is_secure=True).clear(response)
    morsel = SimpleCookie(sent(response))["__Host-doorward_sso"]
    assert (morsel.value, morsel["path"], morsel["max-age"]) == ("", "/", "0")
    assert morsel["secure"]


@pytest.mark.parametrize("value", ["", "dwb_", "nonsense", str(TOKEN).replace("dwb_", "dwr_"), f"{TOKEN}x"])
def test_what_is_no_token_is_none(value: str) -> None:
    cookie = BrowserSessionCookie(is_secure=True)
    assert cookie.read({cookie.name: value}) is None
    assert cookie.read({}) is None
    assert cookie.read({"doorward_sso": str(TOKEN)}) is None
    assert cookie.read({cookie.name: str(TOKEN)}) == TOKEN
