"""Short questions to a server: does it listen, what does it answer."""

import contextlib
import http.client
import socket


def accepts(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody accepts TCP connections on the port."""
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False


def http_status(port: int, path: str) -> int | None:
    """Return the status of a GET to 127.0.0.1, or None when nobody answers within a second."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1.0)
    with contextlib.closing(connection):
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
