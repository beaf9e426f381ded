"""Probes of a server: whether it listens, and its HTTP status."""

import contextlib
import http.client
import socket
from typing import Final

from support.loopback import LOOPBACK

_SECONDS: Final = 10.0
"""Timeout of a probe."""


def accepts(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server accepts TCP connections on the port."""
    try:
        with socket.create_connection((host, port), timeout=_SECONDS):
            return True
    except OSError:
        return False


def http_status(port: int, path: str, host: str = LOOPBACK) -> int | None:
    """Return the status of a GET, or None without a response."""
    connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
    with contextlib.closing(connection):
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None


def http_text(port: int, path: str, host: str = LOOPBACK) -> str:
    """Return the body of a GET. The library's client costs 30 ms each, because it loads certificates."""
    connection = http.client.HTTPConnection(host, port, timeout=3 * _SECONDS)
    with contextlib.closing(connection):
        connection.request("GET", path)
        return connection.getresponse().read().decode("utf-8")
