"""Load on a server while latency is measured, sent by the same thread."""

import itertools
from collections import deque
from collections.abc import Sequence
from typing import Final

from bench.http_client import Connection, ResponseError

_OVERLOADED: Final = 503


class BackgroundLoad:
    """No load; subclasses send requests."""

    def __init__(self) -> None:
        self.connections: set[Connection] = set()
        """Connections with a request in flight."""

    def start(self, now: float) -> None:
        """Begin; `now` is a time of perf_counter."""

    def send_due(self, now: float) -> float | None:  # noqa: ARG002 - subclasses need it
        """Send the requests that are due; return when the next one is, or None."""
        return None

    def on_response(self, connection: Connection) -> None:
        """Take a complete response."""

    def close(self) -> None:
        """Wait for the last responses, so that the next measurement finds the server idle."""
        for connection in self.connections:
            while not connection.receive():
                pass
            connection.close()


class ClosedLoopLoad(BackgroundLoad):
    """Keeps `count` requests in flight, one on each connection; `accepts` as for Connection."""

    def __init__(
        self, port: int, requests: Sequence[bytes], count: int, *, accepts: tuple[bytes, ...] = (b"2",)
    ) -> None:
        super().__init__()
        self._requests = itertools.cycle(requests)
        self.connections = {Connection(port, accepts=accepts) for _ in range(count)}

    def start(self, now: float) -> None:  # noqa: ARG002 - overrides
        for connection in self.connections:
            self.on_response(connection)

    def on_response(self, connection: Connection) -> None:
        connection.send(next(self._requests))


class OverloadLoad(BackgroundLoad):
    """Sends `rate` requests a second, more than the server can answer.

    `served` and `rejected` count the responses; a rejection is a 503 with `Retry-After`.
    """

    def __init__(self, port: int, requests: Sequence[bytes], rate: float) -> None:
        super().__init__()
        self._port = port
        self._requests = itertools.cycle(requests)
        self._interval = 1 / rate
        self._next = 0.0
        self._idle: deque[Connection] = deque()
        self.served = 0
        self.rejected = 0

    def start(self, now: float) -> None:
        self._next = now

    def send_due(self, now: float) -> float | None:
        while self._next <= now:
            connection = (
                self._idle.popleft() if self._idle else Connection(self._port, accepts=(b"2", b"503"))
            )
            connection.send(next(self._requests))
            self.connections.add(connection)
            self._next += self._interval
        return self._next

    def on_response(self, connection: Connection) -> None:
        """Count the response; raises ResponseError for a 503 without `Retry-After`."""
        if connection.status != _OVERLOADED:
            self.served += 1
        elif connection.has_header(b"retry-after"):
            self.rejected += 1
        else:
            raise ResponseError("a 503 without Retry-After")
        self.connections.discard(connection)
        if connection.closes:
            connection.close()
        else:
            self._idle.append(connection)

    def close(self) -> None:
        super().close()
        for connection in self._idle:
            connection.close()
