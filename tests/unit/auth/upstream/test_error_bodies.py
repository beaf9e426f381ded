"""An error's first bytes are logged only if they hold no part of what was sent."""

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorward_auth.upstream_adapters.http.error_bodies import EXCERPT_BYTES, safe_excerpt

SECRET = "Kö&<pass word>\"'/+1"
SENT = ["ada@example.com", SECRET]


def test_a_page_without_our_values_is_shown_up_to_its_limit() -> None:
    page = b"<h1>AttributeError at /api/register</h1>" + b"x" * 1000
    assert safe_excerpt(page, SENT) == page[:EXCERPT_BYTES].decode()


@pytest.mark.parametrize(
    "shown",
    [
        SECRET,
        SECRET.upper(),
        SECRET[::-1],
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        html.escape(SECRET),
        json.dumps(SECRET),
        repr(SECRET),
        base64.b64encode(SECRET.encode()).decode(),
        SECRET[3:12],
        "ada@example.com",
    ],
)
def test_a_page_with_a_value_in_any_spelling_is_not_shown(shown: str) -> None:
    assert safe_excerpt(f"<p>{shown}</p>".encode(), SENT) is None


@pytest.mark.parametrize(
    ("write", "value"),
    [
        (html.escape, "\"'<&>\"'<&>"),
        (quote, "      "),
        (quote_plus, "& & & &"),
        (json.dumps, '"ä"ä"ä"ä'),
        (repr, "\x7f\x7f\x7f\x7f\x7f\x7f"),
    ],
)
def test_a_value_of_special_characters_is_found_in_the_one_spelling_that_shows_it(
    write: Callable[[str], str], value: str
) -> None:
    assert safe_excerpt(f"<p>{write(value)}</p>".encode(), [value]) is None


def test_a_value_that_the_limit_cuts_off_is_not_shown() -> None:
    for start in range(EXCERPT_BYTES - 8, EXCERPT_BYTES):
        page = "-" * start + "correct horse battery"
        assert safe_excerpt(page.encode(), ["correct horse battery"]) is None


def test_a_short_value_is_looked_for_as_a_whole() -> None:
    assert safe_excerpt(b"PIN 1234 is wrong", ["1234"]) is None
    assert safe_excerpt(b"PIN 1243 is wrong", ["1234"]) == "PIN 1243 is wrong"


@pytest.mark.parametrize(
    "secret",
    ["eyJhbGciOiJub25lIn0.e30.", "Authorization: Bearer abc", '{"access_token": "abc"}', "Set-Cookie: a"],
)
def test_what_looks_like_a_secret_of_the_upstream_is_not_shown(secret: str) -> None:
    assert safe_excerpt(secret.encode(), []) is None


def test_an_empty_value_hides_nothing() -> None:
    assert safe_excerpt(b"\xff oops", [""]) == "\ufffd oops"


@settings(max_examples=30)
@given(st.binary(max_size=300), st.text(min_size=6, max_size=30))
def test_whatever_is_shown_holds_no_part_of_a_value(page: bytes, value: str) -> None:
    shown = safe_excerpt(page + value.encode() + page, [value])
    assert shown is None or value[:6] not in shown
