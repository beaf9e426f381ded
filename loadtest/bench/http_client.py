"""A cheap HTTP client: prebuilt requests, plain sockets, one thread.

It needs about 25 microseconds a request, so on its own core it is never the bottleneck.
"""

import socket
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

TIMEOUT: Final = 60.0
"""Seconds."""

_HEADER_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"\r\ncontent-length: "
_CLOSE: Final = b"\r\nconnection: close\r\n"
_CHUNKED: Final = b"\r\ntransfer-encoding: chunked\r\n"
_LAST_CHUNK: Final = b"\r\n0\r\n\r\n"


class ResponseError(RuntimeError):
    """A response is missing or unexpected, so nothing can be measured."""


class Connection:
    """One keep-alive connection with at most one request in flight."""

    def __init__(self, port: int, *, accepts: tuple[bytes, ...] = (b"2",)) -> None:
        """Connect; `accepts` are prefixes of the statuses that are not errors."""
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._accepted = tuple(b"HTTP/1.1 " + status for status in accepts)
        self._received = b""
        self._expected = 0
        self._is_chunked = False
        self.closes = False
        self.due = 0.0

    def fileno(self) -> int:
        """For select()."""
        return self._socket.fileno()

    def send(self, request: bytes) -> None:
        """Send a request; the previous response must be complete."""
        self._received = b""
        self._expected = 0
        self._socket.sendall(request)

    def receive(self) -> bool:
        """Read what has arrived; return whether the response is complete. Raises ResponseError.

        `closes` then says whether the server closes the connection.
        """
        chunk = self._socket.recv(262_144)
        if not chunk:
            raise ResponseError("the server closed the connection")
        self._received += chunk
        if not self._expected:
            end = self._received.find(_HEADER_END)
            if end < 0:
                return False
            header = self._received[: end + 2].lower()
            start = header.find(_LENGTH) + len(_LENGTH)
            self._is_chunked = _CHUNKED in header
            if start >= len(_LENGTH):
                self._expected = end + 4 + int(header[start : header.index(b"\r", start)])
            elif self.status == 204 or self._is_chunked:
                self._expected = end + 4
            else:
                raise ResponseError(f"a response without Content-Length: {header[:600]!r}")
            self.closes = _CLOSE in header
        if len(self._received) < self._expected:
            return False
        # Bodies are JSON, in which no line ends like this.
        if self._is_chunked and not self._received.endswith(_LAST_CHUNK):
            return False
        if not self._received.startswith(self._accepted):
            raise ResponseError(self._received[:600].decode("utf-8", "replace"))
        return True

    def request(self, request: bytes) -> bytes:
        """Send a request and return the body of its response."""
        self.send(request)
        while not self.receive():
            pass
        return self.body

    @property
    def status(self) -> int:
        return int(self._received[9:12])

    def has_header(self, name: bytes) -> bool:
        """Return whether the response has a header; `name` is in lower case."""
        return b"\r\n" + name + b":" in self._received.partition(_HEADER_END)[0].lower()

    def header(self, name: str) -> str:
        """Return a header of the response; raises ResponseError without it."""
        for line in self._received.partition(_HEADER_END)[0].decode("latin-1").split("\r\n"):
            found, _, value = line.partition(": ")
            if found.lower() == name.lower():
                return value
        raise ResponseError(f"a response without {name}: {self._received[:600]!r}")

    @property
    def body(self) -> bytes:
        body = self._received.partition(_HEADER_END)[2]
        return _joined(body) if self._is_chunked else body

    def close(self) -> None:
        self._socket.close()


def request(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """Build a request as a proxy sends it."""
    lines = [f"{method} {path} HTTP/1.1", "Host: doorward.example"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def get(path: str, token: str) -> bytes:
    """Build a GET request with a token."""
    return request("GET", path, {"Accept": "application/json", "Authorization": f"Bearer {token}"})


def post(path: str, body: bytes) -> bytes:
    """Build a POST request with a JSON body."""
    return request("POST", path, {"Content-Type": "application/json"}, body)


def post_form(path: str, fields: Mapping[str, str]) -> bytes:
    """Build a POST request with a form."""
    form = urlencode(fields).encode("ascii")
    return request("POST", path, {"Content-Type": "application/x-www-form-urlencoded"}, form)


def _joined(body: bytes) -> bytes:
    """Join the chunks of a body (RFC 9112 section 7.1)."""
    chunks: list[bytes] = []
    while True:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            return b"".join(chunks)
        chunks.append(body[:length])
        body = body[length + 2 :]
