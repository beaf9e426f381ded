"""TCP ports that nobody listens on."""

import os
import random
import socket
from typing import Final

# Below Linux's range for outgoing connections (32768 and up): a port from that range can be taken
# by any client on the machine between our look and the server's bind.
_FIRST: Final = 20_000
_LAST: Final = 32_000
_ATTEMPTS: Final = 200

_WORKERS: Final = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_WORKER: Final = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
# Tests stop servers and start them again on the same port, which no other worker may take meanwhile.
_MINE: Final = range(_FIRST, _LAST)[_WORKER::_WORKERS]

_handed_out: set[int] = set()
_choose = random.SystemRandom()


def free_port() -> int:
    """Return a free TCP port of 127.0.0.1 that this process has not handed out before."""
    for _ in range(_ATTEMPTS):
        port = _choose.choice(_MINE)
        if port not in _handed_out and _is_free(port):
            _handed_out.add(port)
            return port
    raise RuntimeError(f"no free port found between {_FIRST} and {_LAST} in {_ATTEMPTS} attempts")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
