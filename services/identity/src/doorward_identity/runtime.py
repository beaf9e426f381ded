"""What a process that serves accounts has once: a pool, and a queue for hashes."""

from collections.abc import Sequence
from typing import Final

from doorward_common.app import Background, Runtime
from doorward_common.revocations import RevocationFeed, Revocations
from doorward_identity.passwords import PasswordHashing
from doorward_identity.revocations import DatabaseSource
from doorward_identity.settings import IdentitySettings


class IdentityRuntime(Runtime):
    """A runtime that also hashes."""

    def __init__(self, settings: IdentitySettings) -> None:
        super().__init__(settings)
        self.hashing: Final = PasswordHashing(settings, self.metrics)
        self.revocations = Revocations(
            max_age=settings.revocation_max_age_seconds, policy=settings.revocation_stale_policy
        )
        self.feed: Final = RevocationFeed(
            self.revocations,
            DatabaseSource(self.database),
            self.metrics,
            interval=settings.revocation_poll_seconds,
        )

    def background(self) -> Sequence[Background]:
        """Keep the list of revoked tokens up to date."""
        return (self.feed.run,)

    def close(self) -> None:
        """Let running hashes and units of work end, then close every connection."""
        self.hashing.shutdown()
        super().close()
