"""The ring: the keys that count at this moment, followed while the process serves."""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import structlog

from doorward_client.errors import UnavailableError
from doorward_client.keys.key_set import InvalidKeySetError, Key, KeySet
from doorward_kit.metrics import Metrics

log = structlog.get_logger(__name__)

POLL_INTERVAL_SECONDS: Final = 1.0


class NoSigningKeyError(UnavailableError):
    """503: every key that could sign has retired, or none is active yet."""

    code = "no_signing_key"
    detail = "No key is active to sign tokens with. An operator has to give the service the next key set."


class KeysNotReadError(UnavailableError):
    """503: nobody can be judged before the keys have been read once; a 401 would log people out."""

    code = "no_keys"
    detail = "This service has not got the keys of access tokens yet. Try again shortly."


class KeyStore:
    """What verifies, what signs, and the secrets to derive others from.

    `problem` says what a set lacks for this service, or None. A change swaps references: a request sees
    the keys before it or after it, never a mixture.
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
        self._believed: Mapping[str, Key] = MappingProxyType({})
        self._signing: Key | None = None
        self._secrets: tuple[bytes, ...] = ()
        self.turn()

    @classmethod
    def of_secret(cls, secret: str) -> "KeyStore":
        """Make a ring of one HS256 key; raises WeakKeyError."""
        return cls(KeySet.of_secret(secret))

    @property
    def believed(self) -> Mapping[str, Key]:
        """The keys that tokens may be signed with, by id; another object after every change."""
        return self._believed

    @property
    def signing(self) -> Key:
        """The key that signs; raises NoSigningKeyError."""
        if self._signing is None:
            raise NoSigningKeyError
        return self._signing

    @property
    def can_sign(self) -> bool:
        """Whether a key of the set signs now."""
        return self._signing is not None

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """Every secret of the set, the signing key's first."""
        return self._secrets

    def replace(self, key_set: KeySet) -> None:
        """Take another set of keys; raises InvalidKeySetError for one that this service cannot work with."""
        problem = self._problem(key_set)
        if problem is not None:
            raise InvalidKeySetError(problem)
        self._key_set = key_set
        self.turn()

    def turn(self) -> None:
        """Let keys become active and retire as the clock says."""
        now = self._clock()
        believed = self._key_set.believed(now)
        if believed != dict(self._believed):
            self._believed = MappingProxyType(believed)
        self._signing = self._key_set.signing_key(now)
        self._secrets = self._key_set.secrets(now)


class KeySetWatcher:
    """Keeps a ring up to date: with the clock, and with the file that the keys were read from.

    Kubernetes replaces a mounted Secret's files by turning a symbolic link, which no watch on the file
    itself notices; reading a kilobyte each second does. What cannot be used changes nothing: the
    keys from before stay, and the log and a metric say so.
    """

    def __init__(self, ring: KeyStore, path: Path | None, metrics: Metrics) -> None:
        self._ring = ring
        self._path = path
        self._failures = metrics.key_set_failures
        self._seen: bytes | None = None
        self._is_unreadable = False
        metrics.keys.set_function(lambda: len(ring.believed))

    async def run(self) -> None:
        """Look again and again, for as long as the process serves."""
        while True:
            await asyncio.sleep(POLL_INTERVAL_SECONDS)
            self.look()

    def look(self) -> None:
        """Look once."""
        if self._path is not None:
            self._follow(self._path)
        self._ring.turn()

    def _follow(self, path: Path) -> None:
        try:
            text = path.read_bytes()
        except OSError as error:
            if not self._is_unreadable:
                self._failures.inc()
                log.error("jwks.unreadable", error=type(error).__name__)  # noqa: TRY400 - the kind says it all
            self._is_unreadable = True
            return
        self._is_unreadable = False
        if text != self._seen:
            self._seen = text
            self._replace(text)

    def _replace(self, text: bytes) -> None:
        try:
            self._ring.replace(KeySet.parse(text))
        except InvalidKeySetError as error:
            self._failures.inc()
            log.error("jwks.invalid", reason=str(error))  # noqa: TRY400 - the reason is all there is
            return
        log.info("jwks.loaded", kids=sorted(self._ring.believed))
