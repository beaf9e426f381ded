"""Settings of upstreams: which URLs are safe to send passwords to, and where secrets come from."""

import json
from pathlib import Path
from typing import Any

import pytest

from doorward_auth.upstream_adapters.settings.oauth import OAuth2Settings, OidcSettings
from doorward_auth.upstream_adapters.settings.upstreams import parse_providers
from unit.auth.upstream.mistakes import OAUTH2, OIDC, error_of, rest


@pytest.mark.parametrize(
    "url",
    [
        "https://identity.example.com",
        "https://identity.example.com:8443/base/",
        "http://127.0.0.1:9009",
        "http://[::1]:9009",
        "http://localhost",
    ],
)
def test_https_and_loopback_urls_are_accepted(url: str) -> None:
    assert parse_providers(json.dumps({"theapi": {**rest(), "base_url": url}}))


@pytest.mark.parametrize(
    "url", ["http://10.1.2.3", "http://keycloak:8080", "http://idp.team.svc.cluster.local"]
)
def test_http_to_private_addresses_must_be_allowed(url: str) -> None:
    settings = {**rest(), "base_url": url}
    assert '/theapi/base_url: write https://, because passwords and tokens are sent there ("allow_http"' in (
        error_of(settings)
    )
    assert parse_providers(json.dumps({"theapi": {**settings, "allow_http": True}}))


@pytest.mark.parametrize(
    "url",
    [
        "http://identity.example.com",
        "http://8.8.8.8",
        "https://user:word@identity.example.com",
        "https://identity.example.com/?a=b",
        "https://identity.example.com/#a",
        "https://",
        "https://identity.example.com:99999",
        "https://a..b",
        "https://bücher.example",
        "https://identity.example.com/\n",
        "https://[::1",
    ],
)
def test_no_other_url_is_accepted(url: str) -> None:
    settings = {**rest(), "base_url": url, "allow_http": True}
    assert "/theapi/base_url: write" in error_of(settings)


def test_a_secret_comes_from_a_file_or_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    file.write_text("a long secret\n", encoding="utf-8")
    settings = {**OIDC, "token_auth_method": "client_secret_post"}
    monkeypatch.setenv("THE_SECRET", "another secret")
    for member, value, secret in (
        ("client_secret_file", str(file), "a long secret"),
        ("client_secret_env", "THE_SECRET", "another secret"),
    ):
        parsed = parse_providers(json.dumps({"kc": {**settings, member: value}}))["kc"]
        assert isinstance(parsed, OidcSettings)
        assert parsed.client_secret == secret
        assert secret not in repr(parsed)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "/kc/client_secret_file: write client_secret_file or client_secret_env, or"),
        (
            {"client_secret": "x"},
            "/kc/client_secret does not belong into this file: write client_",
        ),
        ({"client_secret_file": "/nothing"}, "/kc/client_secret_file names a file that cannot be read"),
        ({"client_secret_env": "NOTHING_AT_ALL"}, "names an environment variable that is not set: NOTHING"),
        ({"client_secret_file": "/dev/null"}, "/kc/client_secret_file holds no secret of 1 to 4096"),
    ],
)
def test_a_missing_secret_is_a_mistake(members: dict[str, str], message: str) -> None:
    settings = {name: value for name, value in OIDC.items() if name != "token_auth_method"}
    assert message in error_of({**settings, **members}, "kc")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"id_token_algorithms": ["none"]}, "; write algorithms of id tokens: RS256"),
        ({"id_token_algorithms": ["HS256"]}, "; write algorithms of id tokens: RS256"),
        ({"id_token_algorithms": []}, "/kc/id_token_algorithms: tuple should have at least 1 item"),
        ({"scopes": ["email"]}, '/kc/scopes: write "openid", too'),
        ({"scopes": ["openid", 'a"b']}, "/kc/scopes/1: string should match"),
        ({"clock_skew_seconds": 601}, "; write seconds that the clocks may differ, 0 to 600"),
        ({"authorization_parameters": {"state": "x"}}, "/kc/authorization_parameters/state: remove it"),
        ({"issuer": "http://login.example.com"}, "/kc/issuer: write https://"),
        ({"groups": "/groups", "roles": {"staff": "root"}}, "/kc/roles/staff: input should be"),
    ],
)
def test_an_openid_provider_is_checked_too(members: dict[str, Any], message: str) -> None:
    assert message in error_of({**OIDC, **members}, "kc")


def test_every_endpoint_of_an_oauth2_server_is_checked() -> None:
    parsed = parse_providers(json.dumps({"git": {**OAUTH2, "token_endpoint": "https://x.example/t?p=1"}}))
    assert isinstance(parsed["git"], OAuth2Settings)
    for name in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "revocation_endpoint"):
        message = error_of({**OAUTH2, name: "http://git.example.com/x"}, "git")
        assert message.startswith(f"/git/{name}: write https://")
