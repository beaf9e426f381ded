"""Bytes over a socket, for requests that no honest client would send."""

import re
import socket
import ssl
from typing import Final

_STATUS: Final = re.compile(rb"^HTTP/1\.[01] (\d{3}) ", re.MULTILINE)


def exchange(port: int, request: bytes, *, seconds: float = 20.0) -> bytes:
    """Send bytes to a port of 127.0.0.1; return what comes until the peer closes or time is up."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        connection.sendall(request)
        return read_all(connection)


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
        socket.create_connection(("127.0.0.1", port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as tls,
    ):
        return tls.version(), tls.selected_alpn_protocol()
