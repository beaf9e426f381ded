"""Key sets that are mounted like a Secret and rotated by the command."""

import asyncio
import itertools
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from support.processes import inherited_environment

_FILE: Final = "keys.json"
_COMMAND_SECONDS: Final = 240
_numbers = itertools.count(1)

KeyDocument = dict[str, Any]


class MountedSecret:
    """A folder that changes like a mounted Secret: the kubelet replaces one symbolic link.

    `keys.json` is a link to `..data/keys.json`, and `..data` a link to a folder with a time in its name,
    which is replaced atomically. An opened file never changes.
    """

    def __init__(self, folder: Path, document: KeyDocument) -> None:
        folder.mkdir()
        self._folder = folder
        self._data = folder / "..data"
        self.path = folder / _FILE
        self.write(document)
        self.path.symlink_to(Path("..data") / _FILE)

    def write(self, document: KeyDocument) -> None:
        """Replace the key set."""
        self.write_bytes(json.dumps(document).encode("utf-8"))

    def write_bytes(self, content: bytes | None) -> None:
        """Replace the content of the file; None removes the file."""
        before = self._data.resolve() if self._data.is_symlink() else None
        now = self._folder / f"..2026_11_21_{next(_numbers)}"
        now.mkdir()
        if content is not None:
            (now / _FILE).write_bytes(content)
        turned = self._folder / "..data_tmp"
        turned.symlink_to(now.name)
        turned.replace(self._data)
        if before is not None:
            (before / _FILE).unlink(missing_ok=True)
            before.rmdir()


async def update_both(first: MountedSecret, second: MountedSecret, document: KeyDocument) -> None:
    """Change two files at different times, like two nodes."""
    first.write(document)
    await asyncio.sleep(1.0)
    second.write(document)


def rotate(document: KeyDocument, *options: str) -> KeyDocument:
    """Run `doorward rotate-key` on a key set, like an operator; return the new set."""
    done = subprocess.run(
        [sys.executable, "-m", "doorward", "rotate-key", "--file", "-", *options],
        env=inherited_environment(),
        input=json.dumps(document).encode("utf-8"),
        capture_output=True,
        timeout=_COMMAND_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    following: KeyDocument = json.loads(done.stdout)
    return following


async def rotated(document: KeyDocument, *options: str) -> KeyDocument:
    """Rotate during the load."""
    return await asyncio.to_thread(rotate, document, *options)


def newest(document: KeyDocument) -> str:
    """Return the id of the key that signs last."""
    return str(max(document["keys"], key=lambda key: key.get("activate_at", 0))["kid"])


def without(document: KeyDocument, kid: str) -> KeyDocument:
    """Remove a key from the set."""
    return {"keys": [key for key in document["keys"] if key["kid"] != kid]}


def activating(document: KeyDocument, kid: str, seconds: int) -> KeyDocument:
    """Let a key sign in some seconds from now, independent of the duration of the command."""
    at = int(time.time()) + seconds
    return {"keys": [{**key, "activate_at": at} if key["kid"] == kid else key for key in document["keys"]]}


def retiring(document: KeyDocument, kid: str, seconds: int) -> KeyDocument:
    """Let a key retire in some seconds from now."""
    at = int(time.time()) + seconds
    return {"keys": [{**key, "retire_at": at} if key["kid"] == kid else key for key in document["keys"]]}
