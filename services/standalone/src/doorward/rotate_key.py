"""`doorward rotate-key`: the next key set, in place or from standard input to standard output."""

import argparse
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from doorward.settings import local_key_set
from doorward_client.keys.key_set import ES256, HS256, InvalidKeySetError, KeySet
from doorward_client.keys.secret_strength import check_secret
from doorward_client.settings import SettingsError
from doorward_kit.key_rotation import (
    RotationPendingError,
    jwk_of_secret,
    new_jwk,
    next_key_set,
    render,
    replacing_key_set,
    write_key_set,
)

DEFAULT_ACTIVATE_IN: Final = 300
"""Kubernetes updates a mounted Secret in every pod within about two minutes."""

_STREAM: Final = Path("-")


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    command.add_argument(
        "--file",
        type=Path,
        help="the key set's file; made when it is not there; - reads standard input and writes standard"
        " output (default: DOORWARD_JWKS_FILE, else the one of `doorward serve`)",
    )
    command.add_argument(
        "--algorithm",
        choices=(HS256, ES256),
        help="algorithm of the new key (default: that of the current key)",
    )
    command.add_argument(
        "--activate-in",
        type=int,
        default=DEFAULT_ACTIVATE_IN,
        metavar="SECONDS",
        help="delay until the new key signs, so that every service has it (default: %(default)s)",
    )
    command.add_argument(
        "--leaked",
        action="store_true",
        help="replace every key at once, for a leaked key: access tokens end and clients refresh",
    )


def rotate(options: argparse.Namespace) -> int:
    """Write the next key set; raises SettingsError."""
    path: Path = options.file or Path(os.environ.get("DOORWARD_JWKS_FILE") or local_key_set())
    try:
        document = _following(_read(path), options)
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


def _read(path: Path) -> Mapping[str, Any] | None:
    """Read the key set; without one, start from DOORWARD_SECRET_KEY if that is set."""
    text = sys.stdin.buffer.read() if path == _STREAM else _text_of(path)
    if text:
        KeySet.parse(text)
        document: dict[str, Any] = orjson.loads(text)
        return document
    secret = os.environ.get("DOORWARD_SECRET_KEY") or os.environ.get("SECRET_KEY")
    if secret is None:
        return None
    try:
        check_secret(secret.encode("utf-8"))
    except ValueError as error:
        raise SettingsError(f"DOORWARD_SECRET_KEY {error}") from None
    return {"keys": [jwk_of_secret(secret.encode("utf-8"))]}


def _text_of(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _following(document: Mapping[str, Any] | None, options: argparse.Namespace) -> dict[str, Any]:
    now = int(time.time())
    if document is None:
        return {"keys": [new_jwk(options.algorithm or HS256)]}
    if options.leaked:
        return replacing_key_set(document, options.algorithm, now=now)
    return next_key_set(document, options.algorithm, now=now, activate_in=max(0, options.activate_in))


def _report(document: Mapping[str, Any]) -> None:
    newest = document["keys"][0]
    wait = newest.get("activate_at", 0) - int(time.time())
    when = f"in {wait} s" if wait > 0 else "now"
    print(  # on standard error: standard output may be the key set
        f"doorward: {newest['alg']} key {newest['kid']} signs {when}; {len(document['keys'])} in the set",
        file=sys.stderr,
    )
