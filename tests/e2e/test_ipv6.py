"""The whole chain works in a network that has IPv6 alone."""

import errno
import subprocess
import sys

import pytest

from e2e.running import TESTS
from support.ipv6_network import can_make_network, in_ipv6_network
from support.processes import inherited_environment

pytestmark = pytest.mark.skipif(not can_make_network(), reason="only root of Linux may make a network")

_TEST = TESTS / "e2e" / "test_suite.py"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        in_ipv6_network([sys.executable, *command]),
        env={**inherited_environment(), "PYTHONPATH": str(TESTS)},
        cwd=TESTS.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_network_has_no_ipv4() -> None:
    """Control: in it IPv4 cannot even be bound."""
    done = run("-c", "import socket; socket.socket().bind(('127.0.0.1', 0))")
    assert f"[Errno {errno.EADDRNOTAVAIL}]" in done.stderr, done.stderr
    assert run("-c", "import socket; socket.socket(socket.AF_INET6).bind(('::1', 0))").returncode == 0


def test_the_suite_passes_through_the_whole_chain() -> None:
    """HAProxy, NGINX, auth, users, tickets and MariaDB."""
    test = f"{_TEST}::test_the_suite_passes_through_the_whole_chain_with_tls"
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", test)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
