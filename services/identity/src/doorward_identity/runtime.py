"""What a process that serves accounts has once: a pool, and a queue for hashes."""

from typing import Final

from doorward_common.app import Runtime
from doorward_common.revocations.changes import Source
from doorward_common.settings import ServiceSettings
from doorward_identity.passwords import PasswordHashing
from doorward_identity.revocations import DatabaseSource
from doorward_identity.settings import IdentitySettings


class IdentityRuntime(Runtime):
    """A runtime that also hashes, and that reads for itself what was revoked."""

    def __init__(self, settings: IdentitySettings) -> None:
        super().__init__(settings)
        self.hashing: Final = PasswordHashing(settings, self.metrics)
        self.feed: Final = self.verification.feed

    def revocation_source(self, _settings: ServiceSettings) -> Source:
        """Return the identity database: no service in between that could be down."""
        return DatabaseSource(self.database)

    def close(self) -> None:
        """Let running hashes and units of work end, then close every connection."""
        self.hashing.shutdown()
        super().close()
