"""What a process that serves accounts has once: a pool, and a queue for hashes."""

from typing import Final

from doorward_common.app import Runtime
from doorward_identity.passwords import PasswordHashing
from doorward_identity.settings import IdentitySettings


class IdentityRuntime(Runtime):
    """A runtime that also hashes."""

    def __init__(self, settings: IdentitySettings) -> None:
        super().__init__(settings)
        self.hashing: Final = PasswordHashing(settings, self.metrics)

    def close(self) -> None:
        """Let running hashes and units of work end, then close every connection."""
        self.hashing.shutdown()
        super().close()
