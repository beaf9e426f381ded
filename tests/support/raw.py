"""Raw bytes over a socket, for malformed requests."""

import re
import socket
import ssl
from typing import Final

_PATIENCE_SECONDS: Final = 20.0
_STATUS: Final = re.compile(rb"^HTTP/1\.[01] (\d{3}) ", re.MULTILINE)


def exchange(port: int, request: bytes, *, seconds: float = 3.0) -> bytes:
    """Send bytes to a port of 127.0.0.1; return the response until the peer closes or a timeout.

    The first bytes may take longer on a slow machine.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_SECONDS) as connection:
        connection.sendall(request)
        try:
            first = connection.recv(65_536)
        except (TimeoutError, ConnectionResetError):
            return b""
        connection.settimeout(seconds)
        return first + (read_all(connection) if first else b"")


def read_all(connection: socket.socket) -> bytes:
    """Read until the peer closes, resets or stays silent for the socket's timeout."""
    parts: list[bytes] = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except (TimeoutError, ConnectionResetError):
        pass
    return b"".join(parts)


def statuses(answer: bytes) -> list[int]:
    """Return the status of each response in the bytes, in order."""
    return [int(found) for found in _STATUS.findall(answer)]


def negotiated(port: int, context: ssl.SSLContext) -> tuple[str | None, str | None]:
    """Make a TLS connection to localhost; return its version and the ALPN protocol."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as tls,
    ):
        return tls.version(), tls.selected_alpn_protocol()
