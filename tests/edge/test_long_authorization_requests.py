"""The longest authorization request that auth accepts passes every hop, and so do the pages that carry it."""

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import urlencode, urlsplit

import pytest

from doorward_auth.oidc.authorization.query import MAX_LENGTH, MAX_URL_LENGTH
from support.chain import Chain
from support.client import AUTH, Client

REQUEST = {
    "client_id": "long",
    "redirect_uri": "https://app.example.com/callback",
    "response_type": "code",
    "scope": "openid",
    "code_challenge": "x" * 43,
    "code_challenge_method": "S256",
    "state": "s" * 2_048,
}
METADATA = {
    "client_id": "long",
    "kind": "public",
    "name": "Long",
    "redirect_uris": ["https://app.example.com/callback"],
    "scopes": ["openid"],
}


@pytest.fixture(scope="module")
def visitor(chain: Chain) -> Iterator[Client]:
    """A browser at the edge; a client is registered."""
    with chain.client() as admin, chain.client() as visitor:
        registered = admin.login_as(chain.admin).post(f"{AUTH}/clients", json=METADATA)
        assert registered.status_code == 201, registered.text
        yield visitor


def request_of(carried: int) -> str:
    """Return the path of a request whose query has this many bytes where a page carries it."""
    base = urlencode({**REQUEST, "login_hint": ""})
    filler = "h" * (carried - len(base) - 2 * (base.count("&") + base.count("=") + base.count("%")))
    return f"{AUTH}/authorize?{base}{filler}"


def test_the_longest_request_passes_every_hop(visitor: Client) -> None:
    answer = visitor.get(request_of(MAX_LENGTH))
    assert answer.status_code == 303, answer.text
    location = answer.headers["location"]
    assert urlsplit(location).path == "/auth/login"
    page = visitor.get(f"{location}&ui_locales=de")
    assert page.status_code == 200, page.text
    [link] = [one for one in map(unescape, re.findall('href="([^"]+)"', page.text)) if "lang=en" in one]
    assert MAX_LENGTH < len(location) < len(link) <= MAX_URL_LENGTH
    assert visitor.get(link).status_code == 200


def test_a_longer_request_gets_a_page(visitor: Client) -> None:
    answer = visitor.get(request_of(MAX_LENGTH + 1))
    assert answer.status_code == 414
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
