"""The vault's keys in this process, read again when their file changes."""

import asyncio
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

import structlog

from doorward_auth.vault.errors import UnknownVaultKeyError
from doorward_auth.vault.keys import InvalidVaultKeysError, VaultKey, VaultKeySet
from doorward_client.keys.watched_file import POLL_INTERVAL_SECONDS, WatchedFile

log = structlog.get_logger(__name__)


class VaultKeyStore:
    """The keys of a file. `on_failure` is called when the file cannot be read or is invalid.

    Such a file keeps the keys that were read before. Raises OSError and InvalidVaultKeysError for the first
    content. Without a file there is no key: nothing can be sealed or opened.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        clock: Callable[[], float] = time.time,
        on_failure: Callable[[], None] = lambda: None,
    ) -> None:
        self._file: Final = None if path is None else WatchedFile(path)
        self._clock = clock
        self._on_failure = on_failure
        self._keys = VaultKeySet({})
        if self._file is not None:
            self._keys = VaultKeySet.parse(self._file.read_change() or b"")

    @property
    def current(self) -> VaultKey:
        """The key that seals now."""
        return self._keys.current(self._clock())

    @property
    def key_ids(self) -> Collection[bytes]:
        """The ids of all keys."""
        return self._keys.keys.keys()

    def find(self, key_id: bytes) -> VaultKey:
        """Return the key with an id; raises UnknownVaultKeyError.

        An unknown id makes it read the file at once: another process may have read a change a moment earlier.
        """
        key = self._keys.keys.get(key_id)
        if key is None:
            self.check()
            key = self._keys.keys.get(key_id)
        if key is None:
            raise UnknownVaultKeyError(key_id.hex())
        return key

    async def run(self) -> None:
        """Read the file again each second, until cancelled."""
        while True:
            await asyncio.sleep(POLL_INTERVAL_SECONDS)
            self.check()

    def check(self) -> None:
        """Read the file, and use its keys if they have changed."""
        if self._file is None:
            return
        try:
            text = self._file.read_change()
            if text is None:
                return
            self._keys = VaultKeySet.parse(text)
        except OSError as error:
            self._on_failure()
            log.error("vault_keys.unreadable", error=type(error).__name__)  # noqa: TRY400 - the type suffices
        except InvalidVaultKeysError as error:
            self._on_failure()
            log.error("vault_keys.invalid", reason=str(error))  # noqa: TRY400 - the reason suffices
        else:
            log.info("vault_keys.loaded", kids=sorted(key.kid for key in self._keys.keys.values()))
