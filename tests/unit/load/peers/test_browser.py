"""The login form of a page, and the code of a redirect."""

import pytest

from bench.http_client import ResponseError
from bench.peers.browser import LoginForm, cookie_header
from bench.peers.code_flow import REDIRECT_URI, code_of

PAGE = """
<form action="/search"><input type="hidden" name="other" value="1"><input name="q"></form>
<form action="/login?a=1&amp;b=2" method="post">
<input type="hidden" name="token" value="t&amp;1"><input name="email"><input type="password" name="password">
<input type="hidden" name="continue" value="/account"><input type="submit">
</form>
<form action="/upstream"><input type="hidden" name="third" value="3"></form>
"""


def _read(text: str) -> LoginForm:
    form = LoginForm()
    form.feed(text)
    return form


def test_the_form_with_the_password_is_filled_in() -> None:
    form = _read(PAGE)
    assert (form.action, form.has_password) == ("/login?a=1&b=2", True)
    assert form.fields == {"token": "t&1", "continue": "/account"}


def test_a_page_without_a_password_is_no_login_page() -> None:
    assert not _read('<form action="/"><input name="q"></form>').has_password


def test_deleted_cookies_are_not_sent() -> None:
    assert cookie_header({"one": "1", "gone": "", "two": "2"}) == "one=1; two=2"


def test_the_code_of_a_redirect_to_the_client() -> None:
    assert code_of(f"{REDIRECT_URI}?state=s&code=c%2B1&iss=i") == "c+1"


@pytest.mark.parametrize(
    "location",
    [
        "/auth/login?continue=%2F&code=1",
        f"{REDIRECT_URI}?error=login_required",
        f"{REDIRECT_URI}?code=1&code=2",
    ],
)
def test_another_redirect_is_an_error(location: str) -> None:
    with pytest.raises(ResponseError):
        code_of(location)
