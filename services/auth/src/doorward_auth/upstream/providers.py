"""The upstreams of this installation by their names."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from doorward_auth.upstream.adapters.base import PasswordUpstream, RedirectUpstream
from doorward_auth.upstream.adapters.oauth2 import OAuth2Adapter
from doorward_auth.upstream.adapters.oidc import OidcAdapter
from doorward_auth.upstream.adapters.rest import RestAdapter
from doorward_auth.upstream.adapters.settings.oauth import OAuth2Settings, OidcSettings
from doorward_auth.upstream.adapters.settings.rest import RestSettings
from doorward_auth.upstream.settings import AnyProviderSettings

Adapter = RestAdapter | OidcAdapter | OAuth2Adapter


@dataclass(frozen=True, slots=True)
class Provider:
    """An upstream: its name, settings and adapter."""

    name: str
    settings: AnyProviderSettings
    adapter: Adapter

    @property
    def password(self) -> PasswordUpstream | None:
        """The adapter, if users log in with a password that is passed on."""
        return self.adapter if isinstance(self.adapter, RestAdapter) else None

    @property
    def redirect(self) -> RedirectUpstream | None:
        """The adapter, if users log in at the upstream's own pages."""
        return None if isinstance(self.adapter, RestAdapter) else self.adapter


class Providers:
    """One adapter for each configured upstream."""

    def __init__(self, settings: Mapping[str, AnyProviderSettings]) -> None:
        """Raise SettingsError."""
        self._providers = {name: Provider(name, one, _adapter(name, one)) for name, one in settings.items()}

    def __iter__(self) -> Iterator[Provider]:
        return iter(self._providers.values())

    def __len__(self) -> int:
        return len(self._providers)

    def get(self, name: str) -> Provider | None:
        return self._providers.get(name)

    async def close(self) -> None:
        """Close all connections."""
        for provider in self:
            await provider.adapter.close()


def _adapter(name: str, settings: AnyProviderSettings) -> Adapter:
    match settings:
        case RestSettings():
            return RestAdapter(name, settings)
        case OidcSettings():
            return OidcAdapter(name, settings)
        case OAuth2Settings():
            return OAuth2Adapter(name, settings)
