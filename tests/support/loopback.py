"""The address at which the servers of tests listen and are reached.

It is of IPv4, but in a process that runs in a network without IPv4 (support.ipv6_network).
"""

import os
from typing import Final

VARIABLE: Final = "DOORWARD_TEST_LOOPBACK"
LOOPBACK: Final = os.environ.get(VARIABLE, "127.0.0.1")
HOST: Final = f"[{LOOPBACK}]" if ":" in LOOPBACK else LOOPBACK
"""LOOPBACK as it stands before a port."""
NAME: Final = HOST if ":" in LOOPBACK else "localhost"
"""What a certificate names: a machine may know localhost as an address of IPv4 alone."""
