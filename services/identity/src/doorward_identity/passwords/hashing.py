"""Argon2id in a thread pool: the only code that computes and verifies hashes."""

import secrets
import time
from typing import NamedTuple

import structlog

from doorward_identity.passwords import hash_formats
from doorward_identity.passwords.argon2_bindings import BUILD, InvalidHashError, PasswordHasher, Type
from doorward_identity.passwords.constant_time import FailureTimingEqualizer
from doorward_identity.passwords.hash_formats import Argon2Limits, CorruptHashError, StoredHash
from doorward_identity.passwords.hash_formats.fields import encode_base64
from doorward_identity.passwords.normalization import encodings, normalize
from doorward_identity.settings import Argon2Settings
from doorward_kit.executors import usable_cores
from doorward_kit.fair_executor import FairExecutor
from doorward_kit.metrics import Metrics
from doorward_kit.recent_jobs import Charge

log = structlog.get_logger(__name__)


class VerificationResult(NamedTuple):
    """Whether the password was right, and the seconds spent on an imported hash."""

    is_right: bool
    imported_seconds: float = 0.0


class PasswordHashing:
    """Argon2id in a pool of as many threads as there are usable cores.

    More threads would only slow each hash down, and need its memory. The threads yield to the event loop
    (niceness), so that reads stay fast during logins. The subjects that a hash is charged to (see `charges`)
    decide when it is computed, so that a flood of logins does not delay those of others.
    """

    def __init__(self, settings: Argon2Settings, metrics: Metrics) -> None:
        self._hasher = PasswordHasher(
            time_cost=settings.argon2_time_cost,
            memory_cost=settings.argon2_memory_kib,
            parallelism=settings.argon2_parallelism,
            type=Type.ID,
        )
        self._limits = Argon2Limits().covering(settings.argon2_memory_kib, settings.argon2_time_cost)
        self._dummy_text = self._dummy_hash()
        self._dummy = hash_formats.parse(self._dummy_text, self._limits)
        self._rejections = FailureTimingEqualizer()
        self._executor = FairExecutor(
            "hash",
            threads=settings.hash_threads or usable_cores(),
            deadline=settings.hash_queue_timeout_seconds,
            expected_seconds=0.03,
            metrics=metrics.executor("hash"),
        )
        metrics.argon2_build.labels(BUILD).set(1)

    async def hash(self, password: str, charge: Charge) -> str:
        """Hash a new password into the PHC form; raises OverloadedError."""
        return await self._executor.run(lambda: self.hash_blocking(password), charge)

    async def verify(self, password_hash: str | None, password: str, charge: Charge) -> bool:
        """Tell whether the password is right; raises OverloadedError.

        Without a hash (an unknown account) it is wrong, after the same work. An imported hash (see
        `hash_formats`) is checked by its own algorithm, and failures take the same time (see
        `constant_time`).
        """
        result = await self._executor.run(lambda: self._verify_now(password_hash, password), charge)
        if not result.is_right:
            await self._rejections.wait(result.imported_seconds)
        return result.is_right

    async def require_room(self, charge: Charge) -> None:
        """Raise OverloadedError if a hash would be rejected, before the caller queries the database."""
        await self._executor.require_room(charge)

    def hash_blocking(self, password: str) -> str:
        """Hash in the calling thread: for commands."""
        return self._hasher.hash(normalize(password))

    def is_outdated(self, password_hash: str) -> bool:
        """Tell whether a hash has other parameters than the settings', or another algorithm."""
        try:
            return self._hasher.check_needs_rehash(password_hash)
        except InvalidHashError:
            return True

    def should_replace(self, password_hash: str, password: str) -> bool:
        """Tell whether a hash of this password should replace the outdated one that the password matched.

        Not where another password could match that hash, too: the account would then have a password
        that its owner may not know.
        """
        if not self.is_outdated(password_hash):
            return False
        stored = hash_formats.parse(password_hash, self._limits)
        return all(stored.proves(candidate) for candidate in encodings(password))

    def shutdown(self) -> None:
        """Wait for running hashes."""
        self._executor.shutdown()

    def _verify_now(self, password_hash: str | None, password: str) -> VerificationResult:
        candidates = encodings(password)
        is_known = password_hash is not None
        if password_hash is None:
            password_hash = self._dummy_text
        began = time.perf_counter()
        try:
            if self._matches(hash_formats.parse(password_hash, self._limits), candidates):
                return VerificationResult(is_right=is_known)
        except CorruptHashError as error:
            # To the caller a corrupt hash is a wrong password; the operator finds it in the log.
            log.error("password.hash_corrupt", reason=error.reason)  # noqa: TRY400 - a traceback would quote the hash
            self._matches(self._dummy, candidates)
            return VerificationResult(is_right=False)
        if not self.is_outdated(password_hash):
            return VerificationResult(is_right=False)
        spent = time.perf_counter() - began
        # A cheaper hash than ours would tell that the account exists, too.
        self._matches(self._dummy, candidates)
        return VerificationResult(is_right=False, imported_seconds=spent)

    @staticmethod
    def _matches(stored: StoredHash, candidates: list[bytes]) -> bool:
        return any(stored.matches(candidate) for candidate in candidates)

    def _dummy_hash(self) -> str:
        """Return a hash with the settings' parameters that matches no password."""
        hasher = self._hasher
        costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
        salt, result = secrets.token_bytes(hasher.salt_len), secrets.token_bytes(hasher.hash_len)
        return f"$argon2id$v=19${costs}${encode_base64(salt)}${encode_base64(result)}"
