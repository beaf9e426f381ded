"""A network that has IPv6 alone, in which a command runs: root of Linux may make one.

`python -m support.ipv6_network COMMAND ...` sets up the network that it is in, and becomes the command.
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from support.loopback import VARIABLE

_LOOPBACK: Final = "::1"
# linux/sockios.h and linux/if.h
_SET_ADDRESS: Final = 0x8916
_SET_FLAGS: Final = 0x8914
_UP: Final = 0x1
_NAME: Final = b"lo"


def can_make_network() -> bool:
    """Whether this account may make a network, and the kernel has IPv6."""
    if not Path("/proc/net/if_inet6").exists():
        return False
    try:
        return subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def in_ipv6_network(command: Sequence[str]) -> list[str]:
    """Return the command that runs this one in a network with IPv6 alone; needs PYTHONPATH."""
    return ["unshare", "--net", sys.executable, "-m", __name__, *command]


def _set_up() -> None:
    """Bring the loopback interface up and take its IPv4 address away, which it gets with that."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SET_FLAGS, struct.pack("16sh14x", _NAME, _UP))
        no_address = struct.pack("16sH2x4s8x", _NAME, socket.AF_INET, bytes(4))
        fcntl.ioctl(control, _SET_ADDRESS, no_address)


if __name__ == "__main__":
    _set_up()
    os.execvpe(sys.argv[1], sys.argv[1:], {**os.environ, VARIABLE: _LOOPBACK})
