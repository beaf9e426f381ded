"""A client of `GET /events` that reads as the events arrive."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2

EVENTS: Final = "/api/v1/auth/events"
_SECONDS: Final = 60.0
"""No test waits for less: a slow machine is no failure."""


@dataclass
class EventReader:
    """An open stream: its head, and its events one after the other."""

    response: httpx2.Response
    comments: list[str] = field(default_factory=list)
    retry: int | None = None
    first: dict[str, Any] = field(default_factory=dict)
    """The data of the state, which is the first event."""
    _lines: Iterator[str] = field(init=False)

    def __post_init__(self) -> None:
        self._lines = self.response.iter_lines()

    def next(self) -> tuple[str, dict[str, Any]] | None:
        """Wait for the next event; return its name and data, or None at the end of the stream."""
        name = ""
        for line in self._lines:
            key, _, value = line.partition(": ")
            if line.startswith(":"):
                self.comments.append(line)
            elif key == "retry":
                self.retry = int(value)
            elif key == "event":
                name = value
            elif key == "data":
                return name, json.loads(value)
        return None

    def next_name(self) -> str | None:
        """Wait for the next event; return its name, or None at the end of the stream."""
        event = self.next()
        return None if event is None else event[0]

    def wait_for_comment(self) -> None:
        """Wait for a comment, which the test's stream gets before any event."""
        while not (line := next(self._lines)).startswith(":"):
            assert line == "", f"an event: {line}"
        self.comments.append(line)

    def rest(self) -> list[str]:
        """Wait for the end of the stream; return the names of the events until then."""
        return list(iter(self.next_name, None))


@contextmanager
def event_stream(url: str, token: str, *, client: httpx2.Client | None = None) -> Iterator[EventReader]:
    """Open a stream at a service, and read its first event, which must be the state."""
    with opened(url, token, client=client) as reader:
        assert reader.response.status_code == 200, reader.response.read()
        first = reader.next()
        assert first is not None
        name, reader.first = first
        assert name == "state"
        yield reader


@contextmanager
def opened(url: str, token: str | None, *, client: httpx2.Client | None = None) -> Iterator[EventReader]:
    """Ask for a stream at a service."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    with (
        httpx2.Client(timeout=_SECONDS) as own,
        (client or own).stream("GET", url + EVENTS, headers=headers) as response,
    ):
        yield EventReader(response)


def unread_stream(port: int, token: str, *, buffer: int) -> socket.socket:
    """Open a stream whose client never reads; `buffer` is the size of its receive buffer in bytes."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.settimeout(_SECONDS)
    connection.connect(("127.0.0.1", port))
    connection.sendall(
        f"GET {EVENTS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode("ascii")
    )
    return connection
