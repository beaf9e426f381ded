"""Short questions to a server: does it listen, what does it answer."""

import contextlib
import http.client
import socket
from typing import Final

_SECONDS: Final = 10.0
"""A server that has not answered by then hangs."""


def accepts(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody accepts TCP connections on the port."""
    try:
        with socket.create_connection((host, port), timeout=_SECONDS):
            return True
    except OSError:
        return False


def http_status(port: int, path: str) -> int | None:
    """Return the status of a GET to 127.0.0.1, or None when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    with contextlib.closing(connection):
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
