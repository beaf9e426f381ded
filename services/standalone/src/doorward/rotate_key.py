"""`doorward rotate-key`: the next key set, in place or from standard input to standard output."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from doorward.local_defaults import local_key_set, local_oidc_key_set
from doorward_client.keys.key_set import ES256, HS256, RS256, InvalidKeySetError, KeySet
from doorward_client.keys.secret_strength import check_secret
from doorward_client.settings import SettingsError
from doorward_kit.key_rotation import (
    KEEP_SECONDS,
    RotationPendingError,
    jwk_of_secret,
    new_jwk,
    next_key_set,
    render,
    replacing_key_set,
    write_key_set,
)
from doorward_kit.pem_keys import is_pem, jwks_of_pem

_HOUR: Final = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class _KeySetFile:
    """A key set: its file by default, and how it rotates. Times are in seconds.

    `first` are the algorithms of a new set's keys.
    """

    variable: str
    local_file: Callable[[], Path]
    algorithms: tuple[str, ...]
    first: tuple[str, ...]
    activate_in: int
    keep: int


_SETS: Final[Mapping[str, _KeySetFile]] = {
    "main": _KeySetFile(
        variable="DOORWARD_JWKS_FILE",
        local_file=local_key_set,
        algorithms=(HS256, ES256),
        first=(HS256,),
        # Kubernetes updates a mounted Secret in every pod within about two minutes.
        activate_in=300,
        keep=KEEP_SECONDS,
    ),
    "oidc": _KeySetFile(
        variable="DOORWARD_OIDC_JWKS_FILE",
        local_file=local_oidc_key_set,
        algorithms=(RS256, ES256),
        first=(RS256, ES256),
        # Clients cache published keys, some for hours.
        activate_in=_HOUR,
        keep=48 * _HOUR,
    ),
}

_STREAM: Final = Path("-")


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    command.add_argument(
        "--set",
        choices=tuple(_SETS),
        default="main",
        help="main signs access tokens of Doorward's own services; oidc signs what registered clients get,"
        " with RS256 and ES256 keys (default: %(default)s)",
    )
    command.add_argument(
        "--file",
        type=Path,
        help="the key set's file; made when it is not there; - reads standard input and writes standard"
        " output (default: DOORWARD_JWKS_FILE or DOORWARD_OIDC_JWKS_FILE, else the one of `doorward serve`)",
    )
    command.add_argument(
        "--algorithm",
        choices=(HS256, ES256, RS256),
        help="algorithm of the new key (default: a new key for each current one)",
    )
    command.add_argument(
        "--activate-in",
        type=int,
        metavar="SECONDS",
        help="delay until the new key signs, so that every verifier has it (default: 300; oidc: 3600)",
    )
    command.add_argument(
        "--leaked",
        action="store_true",
        help="replace every key at once, for a leaked key: access tokens end and clients refresh",
    )


def rotate(options: argparse.Namespace) -> int:
    """Write the next key set; raises SettingsError."""
    key_set = _SETS[options.set]
    if options.algorithm not in (None, *key_set.algorithms):
        raise SettingsError(f"--algorithm of the {options.set} set is one of {', '.join(key_set.algorithms)}")
    path: Path = options.file or Path(os.environ.get(key_set.variable) or key_set.local_file())
    try:
        document = _following(_read(path, start_with_secret=options.set == "main"), key_set, options)
        if path == _STREAM:
            sys.stdout.buffer.write(render(document))
        else:
            write_key_set(path, document)
    except (InvalidKeySetError, RotationPendingError) as error:
        raise SettingsError(
            f"the key set {error}" if isinstance(error, InvalidKeySetError) else str(error)
        ) from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be used: {error.strerror}") from None
    _report(document)
    return 0


def _read(path: Path, *, start_with_secret: bool) -> Mapping[str, Any] | None:
    """Read the key set; without one, start from DOORWARD_SECRET_KEY if that is set and wanted."""
    text = sys.stdin.buffer.read() if path == _STREAM else _text_of(path)
    if is_pem(text):
        return jwks_of_pem(text)
    if text:
        KeySet.parse(text)
        document: dict[str, Any] = orjson.loads(text)
        return document
    secret = os.environ.get("DOORWARD_SECRET_KEY") or os.environ.get("SECRET_KEY")
    if secret is None or not start_with_secret:
        return None
    try:
        check_secret(secret.encode("utf-8"))
    except ValueError as error:
        raise SettingsError(f"DOORWARD_SECRET_KEY {error}") from None
    return {"keys": [jwk_of_secret(secret.encode("utf-8"))]}


def _text_of(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _following(
    document: Mapping[str, Any] | None, key_set: _KeySetFile, options: argparse.Namespace
) -> dict[str, Any]:
    now = int(time.time())
    algorithms = () if options.algorithm is None else (options.algorithm,)
    if document is None:
        return {"keys": [new_jwk(algorithm) for algorithm in algorithms or key_set.first]}
    if options.leaked:
        return replacing_key_set(document, algorithms, now=now)
    delay = key_set.activate_in if options.activate_in is None else max(0, options.activate_in)
    return next_key_set(document, algorithms, now=now, activate_in=delay, keep_seconds=key_set.keep)


def _report(document: Mapping[str, Any]) -> None:
    activate_at = document["keys"][0].get("activate_at", 0)
    wait = activate_at - int(time.time())
    when = f"in {wait} s" if wait > 0 else "now"
    newest = [key for key in document["keys"] if key.get("activate_at", 0) == activate_at]
    for key in newest:
        print(  # on standard error: standard output may be the key set
            f"doorward: {key['alg']} key {key['kid']} signs {when}; {len(document['keys'])} in the set",
            file=sys.stderr,
        )
