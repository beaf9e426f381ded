"""Kills the processes that tests have started when the test process ends, also by SIGKILL.

PR_SET_PDEATHSIG would end a child with the thread that started it, and reaches no grandchildren. So one
process more holds the reading end of a pipe. Each server writes its process group there before it becomes
the server, and the end of the pipe is the end of the tests.
"""

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

_MEMORY: Final = Path("/dev/shm")
_ENOUGH_BYTES: Final = 2 * 1024**3
"""Containers often have 64 MB of shared memory, which is too little for a database."""

_REGISTER_AND_BECOME: Final = 'echo "group $$" >&0; exec "$@" </dev/null'
_pipe: int | None = None


def command(words: Sequence[str]) -> list[str]:
    """Return the command that registers its process group at standard input and then becomes `words`."""
    return ["/bin/sh", "-c", _REGISTER_AND_BECOME, "sh", *words]


def registry() -> int:
    """Return the writing end of the reaper's pipe; the first call starts the reaper."""
    global _pipe
    if _pipe is None:
        read, _pipe = os.pipe()
        reaper = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__], stdin=read, close_fds=True, start_new_session=True
        )
        os.close(read)
        atexit.register(_finish, reaper, _pipe)
    return _pipe


def forget(group: int) -> None:
    """Unregister a process group, because its number may be reused."""
    os.write(registry(), f"forget {group}\n".encode("ascii"))


@contextlib.contextmanager
def temporary_folder(parent: Path | None = None, *, in_memory: bool = False) -> Iterator[Path]:
    """Give a private folder with a short path (a unix socket's has 107 bytes at most), removed afterwards.

    `in_memory` is for databases whose durability is not the subject: there a commit waits for no disk.
    """
    if in_memory and _has_room(_MEMORY):
        parent = _MEMORY
    folder = Path(tempfile.mkdtemp(prefix="doorward-", dir=parent))
    os.write(registry(), b"folder " + os.fsencode(folder) + b"\n")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _has_room(folder: Path) -> bool:
    return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= _ENOUGH_BYTES


def _finish(reaper: "subprocess.Popen[bytes]", pipe: int) -> None:
    os.close(pipe)
    reaper.wait(10)


def _main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    folders: list[str] = []
    for line in sys.stdin:
        word, _, value = line.rstrip("\n").partition(" ")
        if word == "group":
            groups.add(int(value))
        elif word == "forget":
            groups.discard(int(value))
        else:
            folders.append(value)
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    _main()
