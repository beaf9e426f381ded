"""The keys that are valid now, kept up to date while the process serves."""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import structlog

from doorward_client.errors import UnavailableError
from doorward_client.keys.key_set import InvalidKeySetError, Key, KeySet
from doorward_client.keys.watched_file import POLL_INTERVAL_SECONDS, WatchedFile
from doorward_client.metrics import VerificationMetrics

log = structlog.get_logger(__name__)


class NoSigningKeyError(UnavailableError):
    """503: every signing key has retired, or none is active yet."""

    code = "no_signing_key"
    detail = "No signing key is active. An operator must provide the next key set."


class KeysNotReadError(UnavailableError):
    """503 before the first key set: a 401 would make clients log their users out."""

    code = "no_keys"
    detail = "The service has not loaded the keys of access tokens yet. Try again shortly."


class KeyStore:
    """The keys that verify, the key that signs, and the secrets from which other secrets are derived.

    `problem` returns what a set lacks for this service, or None. A change replaces references: a request
    uses the keys before the change or after it, never a mixture.
    """

    def __init__(
        self,
        key_set: KeySet,
        *,
        clock: Callable[[], float] = time.time,
        problem: Callable[[KeySet], str | None] = lambda _key_set: None,
    ) -> None:
        self._clock = clock
        self._problem = problem
        self._key_set = key_set
        self.verification_keys: Mapping[str, Key] = MappingProxyType({})
        """The valid keys by id; another object after every change. No property, as each request reads it."""
        self._signing: Key | None = None
        self._signing_by_algorithm: Mapping[str, Key] = {}
        self._secrets: tuple[bytes, ...] = ()
        self.refresh()

    @classmethod
    def of_secret(cls, secret: str) -> "KeyStore":
        """Return a store of one HS256 key; raises WeakKeyError."""
        return cls(KeySet.of_secret(secret))

    @property
    def signing(self) -> Key:
        """The key that signs now; raises NoSigningKeyError."""
        if self._signing is None:
            raise NoSigningKeyError
        return self._signing

    def signing_with(self, algorithm: str) -> Key:
        """Return the key that signs now with an algorithm; raises NoSigningKeyError."""
        key = self._signing_by_algorithm.get(algorithm)
        if key is None:
            raise NoSigningKeyError
        return key

    @property
    def can_sign(self) -> bool:
        return self._signing is not None

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """The secrets of all keys, the signing key's first."""
        return self._secrets

    def replace(self, key_set: KeySet) -> None:
        """Use another key set; raises InvalidKeySetError if the service cannot work with it."""
        problem = self._problem(key_set)
        if problem is not None:
            raise InvalidKeySetError(problem)
        self._key_set = key_set
        self.refresh()

    def refresh(self) -> None:
        """Apply the activation and retirement times that have passed."""
        now = self._clock()
        valid = self._key_set.verification_keys(now)
        if valid != dict(self.verification_keys):
            self.verification_keys = MappingProxyType(valid)
        self._signing = self._key_set.signing_key(now)
        self._signing_by_algorithm = self._key_set.signing_keys(now)
        self._secrets = self._key_set.secrets(now)


class KeySetWatcher:
    """Keeps a key store up to date with the clock and with the file of its key set, which `parse` reads.

    An unreadable or invalid file keeps the previous keys; the log and a metric report it.
    """

    def __init__(
        self,
        keys: KeyStore,
        path: Path | None,
        metrics: VerificationMetrics,
        parse: Callable[[bytes], KeySet] = KeySet.parse,
    ) -> None:
        self._keys = keys
        self._parse = parse
        self._file = None if path is None else WatchedFile(path)
        self._metrics = metrics
        metrics.observe_keys(lambda: len(keys.verification_keys))

    async def run(self) -> None:
        """Check until cancelled."""
        while True:
            await asyncio.sleep(POLL_INTERVAL_SECONDS)
            self.check()

    def check(self) -> None:
        """Read the file once and apply the clock."""
        if self._file is not None:
            self._read(self._file)
        self._keys.refresh()

    def _read(self, file: WatchedFile) -> None:
        try:
            text = file.read_change()
        except OSError as error:
            self._metrics.key_set_failed()
            log.error("jwks.unreadable", error=type(error).__name__)  # noqa: TRY400 - the type suffices
            return
        if text is not None:
            self._replace(text)

    def _replace(self, text: bytes) -> None:
        try:
            self._keys.replace(self._parse(text))
        except InvalidKeySetError as error:
            self._metrics.key_set_failed()
            log.error("jwks.invalid", reason=str(error))  # noqa: TRY400 - the reason suffices
            return
        log.info("jwks.loaded", kids=sorted(self._keys.verification_keys))
