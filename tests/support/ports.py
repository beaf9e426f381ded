"""Free TCP ports."""

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from support.loopback import LOOPBACK

# Below Linux's range for outgoing connections (32768 and up): a port from that range can be taken
# by any client on the machine between our check and the server's bind.
_FIRST: Final = 20_000
_LAST: Final = 32_000
_BLOCK: Final = 100
_FAMILY: Final = socket.AF_INET6 if ":" in LOOPBACK else socket.AF_INET


def free_port() -> int:
    """Return a free TCP port of LOOPBACK that no other test process on this machine uses."""
    return next(_ports)


def _free_ports() -> Iterator[int]:
    """Reserve blocks of ports, whose locks this process keeps until its end.

    Tests restart servers on the same port, which no other worker or run may use meanwhile.
    """
    for first in random.SystemRandom().sample(range(_FIRST, _LAST, _BLOCK), (_LAST - _FIRST) // _BLOCK):
        if _lock(first):
            yield from (port for port in range(first, first + _BLOCK) if _is_free(port))
    raise RuntimeError(f"no free port found between {_FIRST} and {_LAST}")


def _lock(block: int) -> bool:
    path = Path(tempfile.gettempdir()) / f"doorward-ports-{os.getuid()}-{block}.lock"
    lock = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket(_FAMILY) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


_ports: Final = _free_ports()
