"""What a process that serves accounts has once: a pool, and a queue for hashes."""

from typing import Final

from doorward_client.revocations.models import RevocationSource
from doorward_identity.passwords import PasswordHashing
from doorward_identity.settings import IdentitySettings
from doorward_identity.token_revocation import DatabaseRevocationSource
from doorward_kit.app import AppResources
from doorward_kit.settings import ServiceSettings


class IdentityResources(AppResources):
    """A runtime that also hashes, and that reads for itself what was revoked."""

    def __init__(self, settings: IdentitySettings) -> None:
        super().__init__(settings)
        self.hashing: Final = PasswordHashing(settings, self.metrics)
        self.revocation_poller: Final = self.verification.poller

    def revocation_source(self, _settings: ServiceSettings) -> RevocationSource:
        """Return the identity database: no service in between that could be down."""
        return DatabaseRevocationSource(self.database)

    def close(self) -> None:
        """Let running hashes and units of work end, then close every connection."""
        self.hashing.shutdown()
        super().close()
