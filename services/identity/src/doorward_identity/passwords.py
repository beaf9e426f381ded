"""Passwords: which are acceptable, and the only code that hashes and verifies them."""

import unicodedata
from typing import Annotated, Final

import structlog
from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from pydantic import AfterValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from doorward_common.executors import BoundedExecutor, usable_cores
from doorward_common.metrics import Metrics
from doorward_identity.settings import Argon2Settings

log = structlog.get_logger(__name__)

MINIMUM_LENGTH: Final = 8
MAXIMUM_LENGTH: Final = 128

_NICENESS: Final = 10


def _acceptable(password: SecretStr) -> SecretStr:
    normal = normalize(password.get_secret_value())
    if not MINIMUM_LENGTH <= len(normal) <= MAXIMUM_LENGTH:
        raise PydanticCustomError(
            "password_length", f"A password has {MINIMUM_LENGTH} to {MAXIMUM_LENGTH} characters; 15 is good."
        )
    return password


NewPassword = Annotated[SecretStr, Field(max_length=1024), AfterValidator(_acceptable)]
"""A password that somebody chooses. One that somebody enters is any text: it matches or not."""


def normalize(password: str) -> str:
    """Return the one spelling of a password: keyboards differ in how they compose accents (NFC)."""
    return unicodedata.normalize("NFC", password)


class PasswordHashing:
    """Argon2id on threads of its own, as many as there are cores to compute on.

    More at once would only make each slower and take its memory as well. They yield to the event
    loop (niceness), so that reads stay fast while people log in.
    """

    def __init__(self, settings: Argon2Settings, metrics: Metrics) -> None:
        self._hasher = PasswordHasher(
            time_cost=settings.argon2_time_cost,
            memory_cost=settings.argon2_memory_kib,
            parallelism=settings.argon2_parallelism,
            type=Type.ID,
        )
        self._executor = BoundedExecutor(
            "hash",
            threads=settings.argon2_threads or usable_cores(),
            deadline=settings.argon2_deadline_seconds,
            expected_seconds=0.03,
            metrics=metrics.executor("hash"),
            niceness=_NICENESS,
        )
        self._dummy: str | None = None

    async def hash(self, password: str) -> str:
        """Hash a new password into the PHC form; raises OverloadedError."""
        return await self._executor.run(lambda: self.hash_now(password))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Tell whether the password is right; raises OverloadedError.

        Without a hash (an unknown account) it is not, after the same work: time says nothing.
        """
        return await self._executor.run(lambda: self._verify_now(password_hash, password))

    def hash_now(self, password: str) -> str:
        """Hash on the calling thread: for commands."""
        return self._hasher.hash(normalize(password))

    def is_outdated(self, password_hash: str) -> bool:
        """Tell whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(password_hash)

    def shutdown(self) -> None:
        """Let running hashes end."""
        self._executor.shutdown()

    def _verify_now(self, password_hash: str | None, password: str) -> bool:
        if password_hash is None:
            self._verify_dummy(password)
            return False
        try:
            return self._hasher.verify(password_hash, normalize(password))
        except VerifyMismatchError:
            return False
        except (InvalidHashError, VerificationError, UnicodeEncodeError):
            # A damaged row must look like a wrong password, and be found in the log.
            log.error("password.hash_corrupt")  # noqa: TRY400 - a traceback would quote the hash
            self._verify_dummy(password)
            return False

    def _verify_dummy(self, password: str) -> None:
        if self._dummy is None:
            self._dummy = self._hasher.hash("the password of nobody")
        try:
            self._hasher.verify(self._dummy, normalize(password))
        except VerifyMismatchError:
            return
