"""The resources of a process on the identity database: its pool, and its queues of hashes and pictures."""

from collections.abc import Sequence
from typing import Final

import structlog

from doorward_client.revocations.models import RevocationSource
from doorward_client.token_verification import BackgroundTask
from doorward_identity.avatars.service import Avatars
from doorward_identity.passwords import PasswordHashing
from doorward_identity.passwords.argon2_bindings import BUILD
from doorward_identity.settings import IdentitySettings
from doorward_identity.token_revocation import DatabaseRevocationSource
from doorward_kit.app import AppResources
from doorward_kit.settings import ServiceSettings

log = structlog.get_logger(__name__)


class IdentityResources(AppResources):
    """Resources with password hashing, pictures, and revocations from the database."""

    def __init__(self, settings: IdentitySettings) -> None:
        super().__init__(settings)
        self.hashing: Final = PasswordHashing(settings, self.metrics)
        self.avatars: Final = Avatars(settings, self.database, self.metrics)
        self.revocation_poller: Final = self.verification.poller

    def revocation_source(self, settings: ServiceSettings) -> RevocationSource:
        """Return the identity database, without a service in between that could be unavailable."""
        return DatabaseRevocationSource(self.database, max_age=settings.revocation_max_age_seconds)

    def background(self) -> Sequence[BackgroundTask]:
        """Return the tasks to run while the process serves."""
        return [*super().background(), _log_argon2_build]

    def close(self) -> None:
        """Let running hashes, pictures and units of work end, then close every connection."""
        self.hashing.shutdown()
        self.avatars.shutdown()
        super().close()


async def _log_argon2_build() -> None:
    log.info("argon2.build_chosen", build=BUILD)
