"""Resources of a service that asks no other service."""

from doorward_client.revocations.models import FetchedRevocations, RevocationEntries, RevocationSource
from doorward_kit.app import AppResources
from doorward_kit.settings import ServiceSettings


class _NothingRevoked:
    async def fetch(self) -> FetchedRevocations:
        return FetchedRevocations(RevocationEntries())

    def problem(self) -> str | None:
        return None

    def warning(self) -> str | None:
        return None

    async def close(self) -> None:
        """Nothing was opened."""


class OfflineResources(AppResources):
    """Nothing is revoked."""

    def revocation_source(self, _settings: ServiceSettings) -> RevocationSource:
        return _NothingRevoked()
