"""The configured upstreams, and the way out to them through a proxy."""

import json

import pytest

from doorward_auth.upstream.grants.gate import MAX_CONCURRENT
from doorward_auth.upstream.providers import create_providers
from doorward_auth.upstream_adapters.base import Arrival, UnreachableError
from doorward_auth.upstream_adapters.oidc import OidcAdapter
from doorward_auth.upstream_adapters.rest import RestAdapter
from doorward_auth.upstream_adapters.settings.upstreams import parse_providers
from doorward_client.settings import SettingsError
from support.scripted_upstream import Reply, ScriptedUpstream, Then, answer
from unit.auth.upstream.adapters import LOGIN, REST, rest_adapter

SETTINGS = json.dumps(
    {
        "theapi": {**REST, "base_url": "https://identity.example.com"},
        "keycloak": {
            "adapter": "oidc",
            "issuer": "https://login.example.com",
            "client_id": "doorward",
            "token_auth_method": "none",
        },
    }
)


async def test_each_upstream_has_the_adapter_of_its_settings() -> None:
    theapi, keycloak = create_providers(parse_providers(SETTINGS))
    assert [theapi.name, keycloak.name] == ["theapi", "keycloak"]
    assert isinstance(theapi.adapter, RestAdapter)
    assert isinstance(keycloak.adapter, OidcAdapter)
    for provider in (theapi, keycloak):
        await provider.adapter.close()


async def test_the_limits_of_the_settings_are_the_gates() -> None:
    settings = parse_providers(SETTINGS)
    settings["theapi"] = settings["theapi"].model_copy(update={"max_connections": 7})
    theapi, keycloak = create_providers(settings)
    assert (theapi.gate.permits(100), keycloak.gate.permits(100)) == (7, MAX_CONCURRENT)
    for provider in (theapi, keycloak):
        await provider.adapter.close()


async def test_a_proxy_of_the_environment_is_used(
    upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", upstream.url)
    upstream.will(answer(200, LOGIN))
    rest = rest_adapter(upstream, base_url="http://identity.internal", allow_http=True)
    await rest.log_in("ada@example.com", "a password")
    assert upstream.received[0].target == "http://identity.internal/api/login"


@pytest.mark.parametrize("reply", [answer(502), Reply(then=Then.CLOSE), Reply(then=Then.RESET)])
async def test_a_proxy_that_does_not_connect_has_sent_nothing(
    upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch, reply: Reply
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", upstream.url)
    upstream.will(reply)
    rest = rest_adapter(upstream, base_url="https://identity.example.com")
    with pytest.raises(UnreachableError) as failed:
        await rest.log_in("ada@example.com", "a password")
    assert failed.value.arrival is Arrival.NOT_SENT
    assert [request.method for request in upstream.received] == ["CONNECT"]


@pytest.mark.parametrize("proxy", ["socks5://10.0.0.1:1080", "nonsense://user:s3cret@x", "http://[::1"])
def test_a_proxy_that_cannot_be_used_is_a_mistake(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(SettingsError, match="HTTPS_PROXY or ALL_PROXY cannot be used") as rejected:
        create_providers(parse_providers(SETTINGS))
    assert "s3cret" not in str(rejected.value)
