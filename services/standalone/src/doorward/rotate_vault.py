"""`doorward rotate-vault`: the first key of the vault, or the next one, with every stored token sealed by it.

A key is in the file for some minutes before it seals, so every process can open what any other has sealed.
The command can be stopped and run again at any point: it goes on where it was.
"""

import argparse
import fcntl
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from doorward.local_defaults import local_vault_keys
from doorward.vault_rotation import VaultRotation, say, with_another_key
from doorward_auth.vault.keys import InvalidVaultKeysError
from doorward_auth.vault.rotation import new_key
from doorward_client.settings import SettingsError
from doorward_kit.key_rotation import render, write_key_set
from doorward_kit.unit_of_work import Database

DEFAULT_ACTIVATE_IN: Final = 300
"""Kubernetes updates a mounted Secret in every pod within about two minutes."""

_STREAM: Final = Path("-")
_LOG_IN_AGAIN: Final = "their users must log in at the upstream again"
_STAY_VALID: Final = "their tokens stay valid at the upstream until they expire"


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
    command.add_argument(
        "--seal-only",
        action="store_true",
        help="only seal stored tokens with the key that seals now; the file is read and never changed",
    )
    command.add_argument(
        "--end-unreadable",
        action="store_true",
        help="with --seal-only: also give up tokens whose key is not in the file, because it is lost; their"
        " users must log in at the upstream again",
    )


def make_first_key(path: Path) -> None:
    """Write a file with one key, which seals at once; raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_key_set(path, _first())


def rotate(options: argparse.Namespace, open_database: Callable[[], Database]) -> int:
    """Go on with the rotation; raises SettingsError and DatabaseUnavailableError."""
    path: Path = options.file or Path(os.environ.get("DOORWARD_VAULT_KEYS_FILE") or local_vault_keys())
    activate_in = max(0, options.activate_in)
    if options.end_unreadable and not options.seal_only:
        raise SettingsError("--end-unreadable needs --seal-only")
    try:
        if options.seal_only:
            return _seal(VaultRotation(path, open_database()), ends_unreadable=options.end_unreadable)
        if path == _STREAM:
            text = sys.stdin.buffer.read()
            sys.stdout.buffer.write(render(with_another_key(text, activate_in) if text else _first()))
            return 0
        path.parent.mkdir(parents=True, exist_ok=True)
        with _exclusive_lock(path):
            if not path.exists():
                make_first_key(path)
                say(f"made the first key of the vault in {path}")
                return 0
            rotation = VaultRotation(path, open_database())
            rotation.drop_unused()
            return _rotate(rotation, activate_in, waits=not options.no_wait)
    except InvalidVaultKeysError as error:
        raise SettingsError(f"{path} {error}") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be used: {error.strerror}") from None


def _rotate(rotation: VaultRotation, activate_in: int, *, waits: bool) -> int:
    pending = rotation.pending
    if pending is None and not rotation.has_others:
        pending = rotation.add_key(activate_in)
    if pending is not None:
        wait = max(0.0, pending.activate_at - time.time())
        say(f"the key {pending.kid} seals in {wait:.0f} s")
        if not waits:
            say("run the command again after that")
            return 0
        time.sleep(wait)
    _reseal(rotation)
    if kept := rotation.drop_unused():
        say(f"keys that are kept: {', '.join(kept)}; a later run drops those that nothing uses")
    return 0


def _seal(rotation: VaultRotation, *, ends_unreadable: bool) -> int:
    if (pending := rotation.pending) is not None:
        wait = max(0.0, pending.activate_at - time.time())
        say(f"the key {pending.kid} seals in {wait:.0f} s; run the command again after that")
    if ends_unreadable:
        lost = rotation.end_missing()
        say(f"gave up {lost.grants} grants whose key is lost: {_LOG_IN_AGAIN}")
        if lost.revocations:
            say(f"gave up {lost.revocations} revocations whose key is lost: {_STAY_VALID}")
    _reseal(rotation)
    if unused := rotation.unused:
        say(f"keys that nothing uses: {', '.join(unused)}; they can be removed from the file")
    return 0


def _reseal(rotation: VaultRotation) -> None:
    done = rotation.reseal()
    sealed = f"{done.grants.resealed} grants and {done.revocations.resealed} revocations"
    say(f"sealed {sealed} with the key {rotation.current.kid}")
    if unreadable := done.grants.unreadable:
        say(f"{unreadable} grants cannot be opened: {_LOG_IN_AGAIN} (see the log)")
    if unreadable := done.revocations.unreadable:
        say(f"{unreadable} revocations cannot be opened: {_STAY_VALID} (see the log)")
    if missing := rotation.missing:
        ids = ", ".join(sorted(key_id.hex() for key_id in missing))
        say(f"stored tokens wait for keys that the file does not have: {ids}. Put them back into it")


@contextmanager
def _exclusive_lock(path: Path) -> Iterator[None]:
    """Keep others from changing the file, because a key that another run overwrote may have sealed."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise SettingsError(f"{path} is being changed by another rotate-vault; wait for it") from None
    finally:
        os.close(folder)


def _first() -> Mapping[str, Any]:
    return {"keys": [new_key()]}
