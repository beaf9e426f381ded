"""A rotation of the vault's keys: their file, and the grants and revocations that are sealed with them."""

import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson

from doorward_auth.upstream.grants import resealing as grants
from doorward_auth.upstream.redirects import repository as logins
from doorward_auth.upstream.revocations import resealing as revocations
from doorward_auth.vault.key_store import VaultKeyStore
from doorward_auth.vault.keys import InvalidVaultKeysError, VaultKey, VaultKeySet
from doorward_auth.vault.resealing import SealedTable
from doorward_auth.vault.rotation import with_key, without_keys
from doorward_auth.vault.vault import Vault
from doorward_identity.audit.repository import AuditAction, record
from doorward_kit.key_rotation import write_key_set
from doorward_kit.unit_of_work import Database

DROP_AFTER_SECONDS: Final = 600
"""How long the next key has sealed before an unused one is dropped: a process may still seal with it."""

_FIRST_ID: Final = UUID(int=0)


@dataclass(slots=True)
class TableCounts:
    """The numbers of rows of one table."""

    resealed: int = 0
    unreadable: int = 0


@dataclass(slots=True)
class ResealCounts:
    """What a rotation did to grants, whose users hold them, and to tokens that wait for their revocation."""

    grants: TableCounts = field(default_factory=TableCounts)
    revocations: TableCounts = field(default_factory=TableCounts)

    @property
    def resealed(self) -> int:
        """The number of sealed rows of both tables."""
        return self.grants.resealed + self.revocations.resealed

    @property
    def unreadable(self) -> int:
        """The number of rows of both tables that cannot be opened."""
        return self.grants.unreadable + self.revocations.unreadable


class GivenUp(NamedTuple):
    """The numbers of rows whose key is lost."""

    grants: int
    revocations: int


class VaultRotation:
    """The file of keys, and the grants and revocations that are sealed with them."""

    def __init__(self, path: Path, database: Database) -> None:
        self._path = path
        self._database = database
        self._store = VaultKeyStore(path)
        vault = Vault(self._store)
        self._grants = grants.sealed_grants(vault)
        self._revocations = revocations.sealed_revocations(vault)

    @property
    def current(self) -> VaultKey:
        """The key that seals now."""
        return self._store.current

    @property
    def pending(self) -> VaultKey | None:
        """The key that will seal next, if there is one."""
        return self._keys().pending(time.time())

    @property
    def missing(self) -> set[bytes]:
        """The ids of keys that a stored value needs and the file does not have."""
        return self._in_use() - self._keys().keys.keys()

    @property
    def has_others(self) -> bool:
        """Whether a value is sealed with another key of the file than the current one."""
        return bool(self._others())

    def add_key(self, activate_in: int) -> VaultKey | None:
        """Write the file with another key; return it unless it seals already."""
        write_key_set(self._path, with_another_key(self._path.read_bytes(), activate_in))
        self._store.check()
        return self.pending

    def reseal(self) -> ResealCounts:
        """Seal every stored token with the current key, and record it. Services may work with them."""
        self._store.check()
        done = ResealCounts()
        key = self.current.kid
        while self._walk(done):
            pass
        details = {"key": key, "resealed": done.resealed, "unreadable": done.unreadable}
        self._database.write_now(
            lambda connection: record(
                connection, AuditAction.VAULT_ROTATED, actor=None, target=None, details=details
            )
        )
        return done

    def end_missing(self) -> GivenUp:
        """Give up what missing keys have sealed. The services end the grants and tell their users."""
        ended = forgotten = 0
        while missing := self.missing:
            ended += self._database.write_now(partial(grants.forget_batch, self._grants, key_ids=missing))
            forget = partial(revocations.forget_batch, self._revocations, key_ids=missing)
            forgotten += self._database.write_now(forget)
        return GivenUp(ended, forgotten)

    @property
    def unused(self) -> list[str]:
        """The ids of keys that nothing needs, and nothing will. Not those that seal now or later."""
        now = time.time()
        if now - self.current.activate_at < DROP_AFTER_SECONDS:
            return []
        # Logins under way are not sealed again: they end within minutes.
        needed = self._in_use() | self._database.write_now(logins.keys_in_use)
        return sorted(key_id.hex() for key_id in self._superseded(now) - needed)

    def drop_unused(self) -> list[str]:
        """Remove the unused keys; return the ids of others that seal no more."""
        if dropped := self.unused:
            document = orjson.loads(self._path.read_bytes())
            write_key_set(self._path, without_keys(document, dropped))
            self._store.check()
            say(f"dropped {', '.join(dropped)}, which nothing uses")
        return sorted(key_id.hex() for key_id in self._superseded(time.time()))

    def _superseded(self, now: float) -> set[bytes]:
        keys = self._keys().keys.values()
        return {key.id_bytes for key in keys if key.activate_at <= now} - {self.current.id_bytes}

    def _walk(self, done: ResealCounts) -> bool:
        """Walk over all stored tokens once; return whether another walk may find more."""
        others = self._others()
        if not others:
            return False
        before = done.resealed
        self._walk_table(self._grants, others, done.grants)
        # Last, because grants become revocations.
        self._walk_table(self._revocations, others, done.revocations)
        return done.resealed > before

    def _walk_table(self, table: SealedTable[Any], key_ids: set[bytes], done: TableCounts) -> None:
        done.unreadable = 0  # an earlier walk found the same rows
        after: UUID | None = _FIRST_ID
        while after is not None:
            batch = self._database.write_now(partial(table.reseal_batch, key_ids=key_ids, after=after))
            done.resealed += batch.resealed
            done.unreadable += batch.unreadable
            after = batch.last_id

    def _others(self) -> set[bytes]:
        known = self._keys().keys.keys() - {self.current.id_bytes}
        return known & self._in_use()

    def _in_use(self) -> set[bytes]:
        """Return the ids of keys of the values that a rotation seals again."""
        return self._database.write_now(self._grants.keys_in_use) | self._database.write_now(
            self._revocations.keys_in_use
        )

    def _keys(self) -> VaultKeySet:
        return VaultKeySet.parse(self._path.read_bytes())


def with_another_key(text: bytes, activate_in: int) -> dict[str, Any]:
    """Return the document with another key; raises InvalidVaultKeysError, also while one is pending."""
    now = int(time.time())
    pending = VaultKeySet.parse(text).pending(now)
    if pending is not None:
        raise InvalidVaultKeysError(
            f"has a key that seals in {pending.activate_at - now} s; add one after that"
        )
    return with_key(orjson.loads(text), activate_at=now + activate_in)


def say(text: str) -> None:
    """Tell the operator."""
    print(f"doorward: {text}", file=sys.stderr)  # standard output may be the key set
