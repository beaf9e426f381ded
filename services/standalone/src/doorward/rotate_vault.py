"""`doorward rotate-vault`: the first key of the vault, or the next one, with every stored token sealed by it.

A key is in the file for some minutes before it seals, so every process can open what any other has sealed.
The command can be stopped and run again at any point: it goes on where it was.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson

from doorward.settings import local_vault_keys
from doorward_auth.upstream.grants.resealing import keys_in_use, reseal_batch
from doorward_auth.upstream.grants.sealing import GrantSealing
from doorward_auth.vault.key_store import VaultKeyStore
from doorward_auth.vault.keys import InvalidVaultKeysError, VaultKey, VaultKeySet
from doorward_auth.vault.rotation import new_key, with_key, without_keys
from doorward_auth.vault.vault import Vault
from doorward_client.settings import SettingsError
from doorward_identity.audit.repository import AuditAction, record
from doorward_kit.key_rotation import render, write_key_set
from doorward_kit.unit_of_work import Database

DEFAULT_ACTIVATE_IN: Final = 300
"""Kubernetes updates a mounted Secret in every pod within about two minutes."""

DROP_AFTER_SECONDS: Final = 600
"""How long the next key has sealed before an unused one is dropped: a process may still seal with it."""

_STREAM: Final = Path("-")
_FIRST_ID: Final = UUID(int=0)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    command.add_argument(
        "--file",
        type=Path,
        help="the file of the vault's keys; made when it is not there; - adds a key to the one on standard"
        " input, and writes standard output (default: DOORWARD_VAULT_KEYS_FILE, else the local one)",
    )
    command.add_argument(
        "--activate-in",
        type=int,
        default=DEFAULT_ACTIVATE_IN,
        metavar="SECONDS",
        help="delay until the new key seals, so that every process has it (default: %(default)s)",
    )
    command.add_argument(
        "--no-wait", action="store_true", help="only add the key; the next run seals stored tokens with it"
    )


def make_first_key(path: Path) -> None:
    """Write a file with one key, which seals at once; raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_key_set(path, _first())


def rotate(options: argparse.Namespace, open_database: Callable[[], Database]) -> int:
    """Go on with the rotation; raises SettingsError and DatabaseUnavailableError."""
    path: Path = options.file or Path(os.environ.get("DOORWARD_VAULT_KEYS_FILE") or local_vault_keys())
    activate_in = max(0, options.activate_in)
    try:
        if path == _STREAM:
            text = sys.stdin.buffer.read()
            sys.stdout.buffer.write(render(_with_key(text, activate_in) if text else _first()))
            return 0
        if not path.exists():
            make_first_key(path)
            _say(f"made the first key of the vault in {path}")
            return 0
        rotation = VaultRotation(path, open_database())
        rotation.drop_unused()
        return _rotate(rotation, activate_in, waits=not options.no_wait)
    except InvalidVaultKeysError as error:
        raise SettingsError(f"{path} {error}") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be used: {error.strerror}") from None


def _rotate(rotation: "VaultRotation", activate_in: int, *, waits: bool) -> int:
    pending = rotation.pending
    if pending is None and not rotation.has_others:
        pending = rotation.add_key(activate_in)
    if pending is not None:
        wait = max(0.0, pending.activate_at - time.time())
        _say(f"the key {pending.kid} seals in {wait:.0f} s")
        if not waits:
            _say("run the command again after that")
            return 0
        time.sleep(wait)
    done = rotation.reseal()
    _say(f"sealed {done.resealed} grants with the key {rotation.current.kid}")
    if done.unreadable:
        _say(f"{done.unreadable} grants cannot be opened: their users must log in again (see the log)")
    if kept := rotation.drop_unused():
        _say(f"keys that are kept: {', '.join(kept)}; a later run drops those that nothing uses")
    return 0


@dataclass(slots=True)
class Resealed:
    """The numbers of grants."""

    resealed: int = 0
    unreadable: int = 0


class VaultRotation:
    """The file of keys, and the grants that are sealed with them."""

    def __init__(self, path: Path, database: Database) -> None:
        self._path = path
        self._database = database
        self._store = VaultKeyStore(path)
        self._sealing = GrantSealing(Vault(self._store))

    @property
    def current(self) -> VaultKey:
        """The key that seals now."""
        return self._store.current

    @property
    def pending(self) -> VaultKey | None:
        """The key that will seal next, if there is one."""
        return self._keys().pending(time.time())

    @property
    def has_others(self) -> bool:
        """Whether a grant is sealed with another key of the file than the current one."""
        return bool(self._others())

    def add_key(self, activate_in: int) -> VaultKey | None:
        """Write the file with another key; return it unless it seals already."""
        write_key_set(self._path, _with_key(self._path.read_bytes(), activate_in))
        self._store.check()
        return self.pending

    def reseal(self) -> Resealed:
        """Seal every grant with the current key, and record it. Services may refresh them meanwhile."""
        self._store.check()
        done = Resealed()
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

    def drop_unused(self) -> list[str]:
        """Remove keys that nothing uses, once it is certain that nothing will; return the ids of the others.

        The key that seals and those that will are neither.
        """
        now = time.time()
        keys = self._keys()
        superseded = {key.id_bytes for key in keys.keys.values() if key.activate_at <= now} - {
            self.current.id_bytes
        }
        used = self._database.write_now(keys_in_use)
        is_certain = now - self.current.activate_at >= DROP_AFTER_SECONDS
        dropped = {key_id.hex() for key_id in superseded - used} if is_certain else set()
        if dropped:
            document = orjson.loads(self._path.read_bytes())
            write_key_set(self._path, without_keys(document, dropped))
            self._store.check()
            _say(f"dropped {', '.join(sorted(dropped))}, which nothing uses")
        return sorted({key_id.hex() for key_id in superseded} - dropped)

    def _walk(self, done: Resealed) -> bool:
        """Walk over all grants once; return whether another walk may find more."""
        others = self._others()
        if not others:
            return False
        after: UUID | None = _FIRST_ID
        resealed = unreadable = 0
        while after is not None:
            batch = self._database.write_now(
                partial(reseal_batch, sealing=self._sealing, key_ids=others, after=after)
            )
            resealed += batch.resealed
            unreadable += batch.unreadable
            after = batch.last_id
        done.resealed += resealed
        done.unreadable = unreadable
        return resealed > 0

    def _others(self) -> set[bytes]:
        known = self._keys().keys.keys() - {self.current.id_bytes}
        return known & self._database.write_now(keys_in_use)

    def _keys(self) -> VaultKeySet:
        return VaultKeySet.parse(self._path.read_bytes())


def _first() -> Mapping[str, Any]:
    return {"keys": [new_key()]}


def _with_key(text: bytes, activate_in: int) -> dict[str, Any]:
    """Return the document with another key; raises InvalidVaultKeysError, also while one is pending."""
    now = int(time.time())
    pending = VaultKeySet.parse(text).pending(now)
    if pending is not None:
        raise InvalidVaultKeysError(
            f"has a key that seals in {pending.activate_at - now} s; add one after that"
        )
    return with_key(orjson.loads(text), activate_at=now + activate_in)


def _say(text: str) -> None:
    print(f"doorward: {text}", file=sys.stderr)  # standard output may be the key set
