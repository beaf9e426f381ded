"""The upstreams of this installation, as its settings describe them."""

from collections.abc import Mapping

from doorward_auth.upstream.grants.provider import Provider
from doorward_auth.upstream.grants.schedule import RefreshPolicy
from doorward_auth.upstream_adapters.oauth2 import OAuth2Adapter
from doorward_auth.upstream_adapters.oidc import OidcAdapter
from doorward_auth.upstream_adapters.rest import RestAdapter
from doorward_auth.upstream_adapters.settings.oauth import OAuth2Settings, OidcSettings
from doorward_auth.upstream_adapters.settings.rest import RestSettings
from doorward_auth.upstream_adapters.settings.upstreams import AnyProviderSettings

Adapter = RestAdapter | OidcAdapter | OAuth2Adapter

_DAY = 86_400.0
_HOUR = 3_600.0


def create_providers(settings: Mapping[str, AnyProviderSettings]) -> list[Provider]:
    """Return one provider for each upstream, with its adapter; raises SettingsError."""
    return [
        Provider(
            name,
            create_adapter(name, upstream),
            _policy(upstream),
            redirect_uris=() if isinstance(upstream, RestSettings) else upstream.redirect_uris,
            binds_sessions=upstream.sessions == "bound",
            token_readers=upstream.token_readers,
        )
        for name, upstream in settings.items()
    ]


def create_adapter(name: str, settings: AnyProviderSettings) -> Adapter:
    """Return the adapter of an upstream; raises SettingsError."""
    match settings:
        case RestSettings():
            return RestAdapter(name, settings)
        case OidcSettings():
            return OidcAdapter(name, settings)
        case OAuth2Settings():
            return OAuth2Adapter(name, settings)


def _policy(settings: AnyProviderSettings) -> RefreshPolicy:
    keep_alive = settings.keep_alive_hours
    return RefreshPolicy(
        deadline_seconds=settings.timeout_seconds,
        idle_seconds=settings.idle_days * _DAY,
        keep_alive_seconds=None if keep_alive is None else keep_alive * _HOUR,
        requests_per_second=settings.requests_per_second,
        max_concurrent=settings.max_connections,
    )
