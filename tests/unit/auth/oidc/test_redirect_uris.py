"""Redirect URIs: which ones a client may register, and which ones name a registered one."""

import pytest

from doorward_auth.oidc.clients.uris import check_redirect_uri, check_web_uri
from doorward_auth.redirect_uris import is_registered

REGISTERED = "https://app.example.com/callback"


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example.com/callback",
        "https://app.example.com",
        "https://app.example.com/",
        "https://app.example.com:8443/callback",
        "https://10.0.0.1/callback",
        "https://[2001:db8::1]:8443/callback",
        "https://xn--bcher-kva.example/callback",
        "https://app.example.com/callback?tenant=a&mode=b",
        "https://app.example.com/callback?empty=",
        "https://app.example.com/a%20b/(c);d=e,f!g$h'i@j:k",
        "https://app/callback",
        "https://app.example.com/..hidden/callback",
        "https://app.example.com/%2e%2ehidden/callback",
        "http://127.0.0.1/callback",
        "http://127.0.0.1:8080/callback",
        "http://[::1]:8080/callback",
        "http://localhost:3000/login/generic_oauth",
        "com.example.app:/callback",
        "com.example.app://callback",
        "org.example.my-app:/oauth2redirect?x=1",
        "https://app.example.com/" + "p" * 476,
    ],
)
def test_a_uri_to_register(uri: str) -> None:
    assert check_redirect_uri(uri) == uri


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("https://app.example.com/" + "p" * 477, "longer than 500"),
        ("https://app.example.com/callback#top", "fragment"),
        ("https://app.example.com/callback#", "fragment"),
        ("https://*.example.com/callback", "without patterns"),
        ("https://app.example.com/*", "without patterns"),
        ("https://app.example.com/call back", "character"),
        ("https://app.example.com/call\nback", "character"),
        ("https://app.example.com/call\tback", "character"),
        ("https://app.example.com\\@evil.example/callback", "character"),
        ("https://app.example.com/callback\0", "character"),
        ("https://app.example.com/ü", "character"),
        ("https://bücher.example/callback", "character"),
        ("https://app.example.com/%", "character"),
        ("https://app.example.com/%zz", "character"),
        ('https://app.example.com/"', "character"),
        ("https://app.example.com/<script>", "character"),
        ("https://app.example.com/{id}", "character"),
        ("https://app.example.com/a|b", "character"),
        ("https://app.example.com/^", "character"),
        ("https://app.example.com/`", "character"),
        (" https://app.example.com/callback", "character"),
        ("", "character"),
        ("https:", "not an absolute"),
        ("/callback", "not an absolute"),
        ("//app.example.com/callback", "not an absolute"),
        ("app.example.com/callback", "not an absolute"),
        ("https:/app.example.com/callback", "no host"),
        ("https:app.example.com/callback", "no host"),
        ("https:///callback", "no host"),
        ("https://user@app.example.com/callback", "user name"),
        ("https://user:password@app.example.com/callback", "user name"),
        ("https://app.example.com@evil.example/callback", "user name"),
        ("https://app.example.com:0/callback", "port"),
        ("https://app.example.com:65536/callback", "port"),
        ("https://app.example.com:/callback", "port"),
        ("https://app.example.com:x/callback", "port"),
        ("https://App.example.com/callback", "lower case"),
        ("https://app..example.com/callback", "lower case"),
        ("https://.example.com/callback", "lower case"),
        ("https://-app.example.com/callback", "lower case"),
        ("https://app.example.com./callback", "lower case"),
        ("https://%61pp.example.com/callback", "lower case"),
        ("https://[v1.x]/callback", "lower case"),
        ("https://[::1/callback", "lower case"),
        ("http://app.example.com/callback", "this machine"),
        ("http://10.0.0.1/callback", "this machine"),
        ("http://127.0.0.2/callback", "this machine"),
        ("http://0.0.0.0/callback", "this machine"),
        ("http://localhost.example.com/callback", "this machine"),
        ("http://127.0.0.1.example.com/callback", "this machine"),
        ("https://app.example.com/../callback", "browsers rewrite"),
        ("https://app.example.com/a/./b", "browsers rewrite"),
        ("https://app.example.com/%2e%2e/callback", "browsers rewrite"),
        ("https://app.example.com/.%2E/callback", "browsers rewrite"),
        ("https://app.example.com/a/%2e/b", "browsers rewrite"),
        ("HTTPS://app.example.com/callback", "another scheme"),
        ("javascript:alert(1)", "another scheme"),
        ("data:text/html,x", "another scheme"),
        ("file:///etc/passwd", "another scheme"),
        ("ftp://app.example.com/callback", "another scheme"),
        ("vbscript:x", "another scheme"),
        ("blob:https://app.example.com/x", "another scheme"),
        ("myapp:/callback", "another scheme"),
        ("urn:ietf:wg:oauth:2.0:oob", "another scheme"),
        ("about:blank", "another scheme"),
        ("1com.example:/callback", "another scheme"),
        ("com.example.:/callback", "another scheme"),
        ("https://app.example.com/callback?code=1", "the answer uses: code"),
        ("https://app.example.com/callback?a=1&state", "the answer uses: state"),
        ("https://app.example.com/callback?iss=x", "the answer uses: iss"),
        ("https://app.example.com/callback?error=x", "the answer uses: error"),
        ("https://app.example.com/callback?%63ode=1", "the answer uses: code"),
        ("com.example.app:/callback?code=1", "the answer uses: code"),
    ],
)
def test_a_uri_that_is_rejected(uri: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        check_redirect_uri(uri)
    assert "evil" not in str(caught.value)


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example.com/callback/",
        "https://app.example.com/Callback",
        "https://app.example.com/callback?x",
        "https://app.example.com/callback?",
        "https://app.example.com/callback#",
        "https://app.example.com:443/callback",
        "https://app.example.com./callback",
        "https://APP.example.com/callback",
        "HTTPS://app.example.com/callback",
        "http://app.example.com/callback",
        "https://app.example.com/%63allback",
        "https://app.example.com/callback%20",
        "https://app.example.com/./callback",
        "https://app.example.com/x/../callback",
        "https://app.example.com//callback",
        "https://app.example.com/callback/../evil",
        "https://app.example.com/callback.evil.example",
        "https://app.example.com.evil.example/callback",
        "https://app.example.com@evil.example/callback",
        "https://evil.example/https://app.example.com/callback",
        "https://evil.example",
        " https://app.example.com/callback",
        "https://app.example.com/callback ",
        "",
    ],
)
@pytest.mark.parametrize("any_port", [True, False])
def test_a_variant_is_another_uri(uri: str, *, any_port: bool) -> None:
    assert is_registered(REGISTERED, [REGISTERED], any_port=any_port)
    assert not is_registered(uri, [REGISTERED], any_port=any_port)


LOOPBACK = ["http://127.0.0.1/callback", "http://[::1]:1/callback?x=1", "http://localhost:3000"]


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1/callback",
        "http://127.0.0.1:49152/callback",
        "http://127.0.0.1:1/callback",
        "http://127.0.0.1:65535/callback",
        "http://[::1]:2/callback?x=1",
        "http://[::1]/callback?x=1",
    ],
)
def test_only_the_port_of_a_loopback_address_may_differ_where_any_port_may(uri: str) -> None:
    assert is_registered(uri, LOOPBACK, any_port=True)
    assert is_registered(uri, LOOPBACK, any_port=False) is (uri in LOOPBACK)


@pytest.mark.parametrize(
    "uri",
    [
        "http://localhost/callback",
        "http://127.0.0.1:80/other",
        "http://127.0.0.1:80/callback/",
        "http://127.0.0.1:80/callback?x",
        "http://127.0.0.1:65536/callback",
        "http://127.0.0.1:0/callback",
        "http://127.0.0.1:/callback",
        "http://127.0.0.1:80@evil.example/callback",
        "http://127.0.0.1:80.evil.example/callback",
        "http://127.0.0.1:8080callback",
        "http://127.0.0.1:١/callback",
        "https://127.0.0.1:80/callback",
        "http://127.0.0.2:80/callback",
        "http://[::1]:2/callback?x=2",
        "http://localhost:3001",
        "http://localhost",
        "http://localhost:3000/",
        "http://localhost:3000.evil.example",
        "http://localhost:3000\n",
    ],
)
def test_nothing_else_of_a_loopback_address_may_differ(uri: str) -> None:
    assert not is_registered(uri, LOOPBACK, any_port=True)


@pytest.mark.parametrize("any_port", [True, False])
def test_localhost_is_registered_with_its_port(*, any_port: bool) -> None:
    assert is_registered("http://localhost:3000", LOOPBACK, any_port=any_port)


def test_what_auth_itself_calls_is_an_address_on_the_web() -> None:
    assert check_web_uri("https://app.example.com/logout?x=1")
    assert check_web_uri("http://localhost:3000/logout")
    for uri in (
        "com.example.app:/logout",
        "http://app.example.com/logout",
        "https://a.example/#x",
        "gopher://a",
    ):
        with pytest.raises(ValueError, match=r"^(is|has) "):
            check_web_uri(uri)
