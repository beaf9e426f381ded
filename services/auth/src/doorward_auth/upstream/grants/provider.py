"""A configured upstream, as the refreshes of this process see it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from doorward_auth.upstream.grants.gate import ProviderGate
from doorward_auth.upstream.grants.schedule import RefreshPolicy
from doorward_auth.upstream_adapters.base import UpstreamAdapter


@dataclass(frozen=True, slots=True)
class Provider:
    """An upstream: its name in the settings, how it is spoken to, and how often."""

    name: str
    adapter: UpstreamAdapter
    policy: RefreshPolicy = field(default_factory=RefreshPolicy)
    redirect_uris: tuple[str, ...] = ()
    """Redirect URIs of the clients that may begin a login at the upstream's own pages."""
    binds_sessions: bool = False
    """Whether a session here ends with its grant."""
    token_readers: Collection[str] = ()
    """Service clients that may read users' tokens."""
    gate: ProviderGate = field(init=False)

    def __post_init__(self) -> None:
        # The dataclass is frozen.
        object.__setattr__(self, "gate", self.policy.new_gate())


@dataclass(frozen=True, slots=True)
class Providers:
    """Every upstream by its name."""

    by_name: Mapping[str, Provider]

    @classmethod
    def of(cls, providers: Iterable[Provider]) -> Self:
        return cls({provider.name: provider for provider in providers})

    def find(self, name: str) -> Provider | None:
        """Return an upstream; None for one that was removed from the settings."""
        return self.by_name.get(name)

    def names(self) -> list[str]:
        """Return the names of all upstreams, sorted."""
        return sorted(self.by_name)

    def all(self) -> list[Provider]:
        return list(self.by_name.values())
