"""An HTTP client that costs next to nothing: prebuilt requests, plain sockets, one thread.

About 25 microseconds a request, so that on the other core it is never the bottleneck.
"""

import itertools
import select
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_HEADER_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"\r\ncontent-length: "
_CLOSE: Final = b"\r\nconnection: close\r\n"
_TIMEOUT: Final = 30.0


class LoadError(RuntimeError):
    """A request was not answered as it has to be: there is nothing to measure."""


class Connection:
    """One keep-alive connection with at most one request in flight."""

    def __init__(self, port: int, *, accepts: tuple[bytes, ...] = (b"2",)) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._accepted = tuple(b"HTTP/1.1 " + status for status in accepts)
        self._received = b""
        self._expected = 0
        self.closes = False
        self.due = 0.0

    def fileno(self) -> int:
        """For select()."""
        return self._socket.fileno()

    def send(self, request: bytes) -> None:
        """Send a request; the answer to the one before must have been received."""
        self._received = b""
        self._expected = 0
        self._socket.sendall(request)

    def receive(self) -> bool:
        """Take what has arrived and tell whether that completes the answer; raises LoadError.

        `closes` then says whether the server hangs up behind it.
        """
        chunk = self._socket.recv(262_144)
        if not chunk:
            raise LoadError("the server closed the connection")
        self._received += chunk
        if not self._expected:
            end = self._received.find(_HEADER_END)
            if end < 0:
                return False
            header = self._received[: end + 2].lower()
            start = header.find(_LENGTH) + len(_LENGTH)
            if start < len(_LENGTH):
                raise LoadError(f"an answer without Content-Length: {header[:600]!r}")
            self._expected = end + 4 + int(header[start : header.index(b"\r", start)])
            self.closes = _CLOSE in header
        if len(self._received) < self._expected:
            return False
        if not self._received.startswith(self._accepted):
            raise LoadError(self._received[:600].decode("utf-8", "replace"))
        return True

    def ask(self, request: bytes) -> bytes:
        """Send a request and return the body of its answer."""
        self.send(request)
        while not self.receive():
            pass
        return self.body

    @property
    def status(self) -> int:
        """The status of an answer that has been received."""
        return int(self._received[9:12])

    def has_header(self, name: bytes) -> bool:
        """Tell whether an answer that has been received carries a header, by its name in lower case."""
        return b"\r\n" + name + b":" in self._received.partition(_HEADER_END)[0].lower()

    @property
    def body(self) -> bytes:
        """The body of an answer that has been received."""
        return self._received.partition(_HEADER_END)[2]

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def get(path: str, token: str) -> bytes:
    """Build a GET as a proxy would send it."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: doorward.example\r\nAccept: application/json\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    ).encode("ascii")


def post(path: str, body: bytes, token: str | None = None) -> bytes:
    """Build a POST of JSON."""
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: doorward.example\r\nContent-Type: application/json\r\n"
        f"{authorization}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


@dataclass(frozen=True)
class Flood:
    """Requests one after another on each of several connections: as fast as they are answered."""

    port: int
    requests: Sequence[bytes]
    connections: int

    def for_seconds(self, seconds: float) -> int:
        """Send for so long, wait for what is in flight, and return how many were answered."""
        end = time.monotonic() + seconds
        return self._run(
            itertools.takewhile(lambda _: time.monotonic() < end, itertools.cycle(self.requests))
        )

    def times(self, count: int) -> int:
        """Send so many."""
        return self._run(itertools.islice(itertools.cycle(self.requests), count))

    def _run(self, supply: Iterator[bytes]) -> int:
        busy: dict[int, Connection] = {}
        poll = select.epoll()
        for request in itertools.islice(supply, self.connections):
            connection = Connection(self.port)
            busy[connection.fileno()] = connection
            poll.register(connection.fileno(), select.EPOLLIN)
            connection.send(request)
        answered = 0
        while busy:
            for number, _ in poll.poll(_TIMEOUT):
                connection = busy[number]
                if not connection.receive():
                    continue
                answered += 1
                request = next(supply, b"")
                if request:
                    connection.send(request)
                else:
                    del busy[number]
                    poll.unregister(number)
                    connection.close()
        poll.close()
        return answered
