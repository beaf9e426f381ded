"""Redirect URIs: exact texts, but for the port of a program on the user's computer."""

import pytest

from doorward_auth.oidc.clients.client import ClientKind
from doorward_auth.oidc.redirects import host_of, with_parameters
from unit.auth.oidc.clients import client

WEB = "https://app.example.com/callback"
WITH_QUERY = "https://app.example.com/callback?tenant=1"
LOOPBACK = "http://127.0.0.1/callback"
LOOPBACK_6 = "http://[::1]:5000/callback"
PRIVATE = "com.example.app:/callback"

VARIANTS = [
    *(
        f"{WEB}{more}"
        for more in ("/", "?", "?x=1", "#", "#f", "%2F", "//", "/..", "/../callback", ";x", " ")
    ),
    *(WEB.replace("callback", name) for name in ("Callback", "call%62ack", "callbac", "callback2", "")),
    *(WEB.replace("app.", name) for name in ("APP.", "", "evil.", "app.app.", "app%2E", "аpp.")),
    *(WEB.replace("example.com", host) for host in ("example.com.", "example.com:443", "example.com:8443")),
    *(WEB.replace("example.com", host) for host in ("example.com@evil.com", "example.comevil", "example.co")),
    *(WEB.replace("https", scheme) for scheme in ("http", "HTTPS", "javascript", "data", "httpss")),
    *("https://user@app.example.com/callback", "//app.example.com/callback", "/callback", "callback", "*"),
    *(
        "https:app.example.com/callback",
        "https:/app.example.com/callback",
        "https:\\\\app.example.com/callback",
    ),
    *(
        "https://evil.example/?u=https://app.example.com/callback",
        "https://app.example.com\\@evil.example/callback",
    ),
    *(
        f" {WEB}",
        f"{WEB}\n",
        f"{WEB}\0",
        f"\t{WEB}",
        WEB + "," + WEB,
        WEB + " " + LOOPBACK,
        "null",
        "https://",
    ),
    *(WITH_QUERY + more for more in ("&x=1", "&", "#", "2", "&tenant=2")),
    *(WITH_QUERY.replace("tenant=1", query) for query in ("", "Tenant=1", "tenant=2", "tenant=%31")),
    *(f"{PRIVATE}{more}" for more in ("/", "?", "#", "2")),
    *(PRIVATE.replace("com.", name) for name in ("COM.", "org.", "")),
    *("com.example.app://callback", "com.example.app:callback", "com.example.app:///callback"),
]
AT_LOOPBACK = [
    *(
        "https://127.0.0.1/callback",
        "http://127.0.0.2/callback",
        "http://127.1/callback",
        "http://0.0.0.0/callback",
    ),
    *(
        "http://localhost/callback",
        "http://localhost:5000/callback",
        "http://[::1]/other",
        "http://[::]/callback",
    ),
    *("http://127.0.0.1:5000/callback/", "http://127.0.0.1:5000/", "http://127.0.0.1:5000/callback?x=1"),
    *("http://127.0.0.1:5000/callback#f", "http://127.0.0.1:/callback", "http://127.0.0.1:x/callback"),
    *("http://127.0.0.1:5000@evil.example/callback", "http://127.0.0.1.evil.example/callback"),
    *("http://127.0.0.1:123456/callback", "http://127.0.0.1:-1/callback", "http://user@127.0.0.1/callback"),
    *("HTTP://127.0.0.1:5000/callback", "http://127.0.0.1:5000\\@evil.example/callback", "http://127.0.0.1"),
    *("http://127.0.0.1:٥/callback", "http://[0:0:0:0:0:0:0:1]/callback", "http://127.0.0.1:5000/callback\n"),
]


@pytest.mark.parametrize("kind", [ClientKind.PUBLIC, ClientKind.CONFIDENTIAL])
def test_no_variant_of_a_registered_uri_is_registered(kind: ClientKind) -> None:
    app = client(kind, redirect_uris=(WEB, WITH_QUERY, LOOPBACK, LOOPBACK_6, PRIVATE))
    assert len(set(VARIANTS + AT_LOOPBACK)) > 80
    assert [uri for uri in app.redirect_uris if not app.has_redirect_uri(uri)] == []
    assert [uri for uri in VARIANTS + AT_LOOPBACK if app.has_redirect_uri(uri)] == []


@pytest.mark.parametrize("port", ["", ":1", ":5000", ":65535"])
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_a_program_listens_at_any_port(host: str, port: str) -> None:
    redirect_uris = (LOOPBACK, LOOPBACK_6)
    uri = f"http://{host}{port}/callback"
    public, confidential = (
        client(kind, redirect_uris=redirect_uris) for kind in (ClientKind.PUBLIC, ClientKind.CONFIDENTIAL)
    )
    assert public.has_redirect_uri(uri)
    assert confidential.has_redirect_uri(uri) == (uri in redirect_uris)


@pytest.mark.parametrize("kind", [ClientKind.PUBLIC, ClientKind.CONFIDENTIAL])
def test_the_port_of_localhost_is_exact(kind: ClientKind) -> None:
    """`localhost` is a name, which may resolve to another machine (RFC 8252 section 8.3)."""
    app = client(kind, redirect_uris=("http://localhost:5000/callback",))
    assert app.has_redirect_uri("http://localhost:5000/callback")
    for port in ("", ":1", ":5001", ":65535"):
        assert not app.has_redirect_uri(f"http://localhost{port}/callback")


@pytest.mark.parametrize(
    ("uri", "answer"),
    [
        (WEB, f"{WEB}?code=c&state=%C3%A4+%26"),
        (WITH_QUERY, f"{WITH_QUERY}&code=c&state=%C3%A4+%26"),
        (PRIVATE, f"{PRIVATE}?code=c&state=%C3%A4+%26"),
    ],
)
def test_the_answer_is_added_to_the_query(uri: str, answer: str) -> None:
    assert with_parameters(uri, {"code": "c", "state": "ä &", "iss": None}) == answer
    assert with_parameters(uri, {"state": None}) == uri


def test_a_user_sees_where_an_answer_goes() -> None:
    assert [host_of(uri) for uri in (WEB, LOOPBACK_6, PRIVATE)] == [
        "app.example.com",
        "[::1]:5000",
        "com.example.app",
    ]
