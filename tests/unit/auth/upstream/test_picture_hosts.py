"""Which URLs of pictures may be fetched: those of the operator's hosts, however a user spells them."""

import json
from typing import Any

import pytest

from doorward_auth.upstream_adapters.picture_hosts import MAX_URL_LENGTH, PictureHosts
from doorward_auth.upstream_adapters.settings.upstreams import parse_providers
from unit.auth.upstream.mistakes import OAUTH2, OIDC, error_of, rest

HOSTS = [
    "pictures.example.com",
    "cdn.example.com:8443",
    "10.1.2.3",
    "127.0.0.1:9009",
    "[::1]:9009",
    "localhost",
]
WITH_PICTURES: dict[str, dict[str, Any]] = {
    "oidc": OIDC,
    "oauth2": {**OAUTH2, "answer": {**OAUTH2["answer"], "picture": "/avatar_url"}},
    "rest": {**rest(), "answer": {**rest()["answer"], "picture": "/user/image"}},
}


def parse(url: str, *, allow_http: bool = False) -> str | None:
    found = PictureHosts(HOSTS, allow_http=allow_http).parse(url)
    return None if found is None else str(found)


@pytest.mark.parametrize(
    "url",
    [
        "https://pictures.example.com",
        "https://pictures.example.com/a/b?size=1&s=%2F",
        "https://cdn.example.com:8443/x",
        "https://10.1.2.3/x",
        "http://127.0.0.1:9009/x",
        "http://[::1]:9009/x",
        "http://localhost/x",
    ],
)
def test_a_url_of_a_listed_host_is_fetched(url: str) -> None:
    assert parse(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "https://PICTURES.example.com/x",
        "https://pictures.example.com:443/x",
        "HTTPS://pictures.example.com/x",
    ],
)
def test_the_spelling_of_a_host_is_irrelevant(url: str) -> None:
    assert parse(url) == "https://pictures.example.com/x"


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/x",
        "https://a.pictures.example.com/x",
        "https://pictures.example.com.attacker.example/x",
        "https://pictures.example.com@attacker.example/x",
        "https://attacker.example/https://pictures.example.com/x",
        "https://attacker.example#@pictures.example.com/x",
        "https://attacker.example\\@pictures.example.com/x",
        "https://pictures.example.com\\@attacker.example/x",
        "https://user@pictures.example.com/x",
        "https://:word@pictures.example.com/x",
        "https://pictures.example.com:8443/x",
        "https://pictures.example.com:22/x",
        "https://cdn.example.com/x",
        "https://127.0.0.1/x",
        "http://127.0.0.1/x",
        "http://127.1:9009/x",
        "http://2130706433:9009/x",
        "http://0x7f000001:9009/x",
        "http://[::ffff:127.0.0.1]:9009/x",
        "http://0.0.0.0:9009/x",
        "http://169.254.169.254/latest/meta-data/",
        "http://metadata.google.internal/",
        "http://pictures.example.com/x",
        "http://10.1.2.3/x",
        "ftp://pictures.example.com/x",
        "file:///etc/passwd",
        "data:image/png;base64,iVBORw0KGgo=",
        "//pictures.example.com/x",
        "https:pictures.example.com",
        "https:///pictures.example.com/x",
        "https://",
        "https://[::1",
        "https://pictures.example.com:99999/x",
        "https://pictures.example.com\r\nHost: attacker.example/x",
        "",
        "x" * 2048,
    ],
)
def test_no_other_url_is_fetched(url: str) -> None:
    assert parse(url) is None


def test_the_length_of_a_url_is_that_of_what_is_sent() -> None:
    """The percent-encoding of a character in UTF-8 has up to nine bytes here."""
    start = "https://pictures.example.com/"
    room = MAX_URL_LENGTH - len(start)
    assert parse(start + "x" * room) is not None
    assert parse(start + "x" * (room + 1)) is None
    assert parse(start + "\u732b" * (room // 9)) is not None
    assert parse(start + "\u732b" * (room // 9 + 1)) is None


def test_http_to_a_private_address_must_be_allowed() -> None:
    assert parse("http://10.1.2.3/x", allow_http=True) == "http://10.1.2.3/x"
    assert parse("http://pictures.example.com/x", allow_http=True) is None


@pytest.mark.parametrize("adapter", sorted(WITH_PICTURES))
def test_hosts_are_a_setting_of_every_adapter_and_none_by_default(adapter: str) -> None:
    settings = WITH_PICTURES[adapter]
    assert parse_providers(json.dumps({"theapi": settings}))["theapi"].picture_hosts == ()
    given = {**settings, "picture_hosts": ["Pictures.example.com", "[::1]:9009"]}
    assert parse_providers(json.dumps({"theapi": given}))["theapi"].picture_hosts == (
        "pictures.example.com",
        "[::1]:9009",
    )


@pytest.mark.parametrize(
    "host",
    [
        "https://pictures.example.com",
        "pictures.example.com/",
        "*.example.com",
        "user@pictures.example.com",
        "pictures.example.com:99999",
        "pictures..example.com",
        "bücher.example",
        "[::1",
        "",
        ":443",
    ],
)
def test_what_is_no_host_is_rejected(host: str) -> None:
    assert "/theapi/picture_hosts/0 is no host: write one" in error_of({**OIDC, "picture_hosts": [host]})


@pytest.mark.parametrize("settings", [OAUTH2, rest()], ids=["oauth2", "rest"])
def test_hosts_without_a_place_of_the_url_are_rejected(settings: dict[str, Any]) -> None:
    given = {**settings, "picture_hosts": ["pictures.example.com"]}
    assert "/theapi/picture_hosts needs /answer/picture: write both" in error_of(given)
