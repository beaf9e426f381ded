"""What else a server is asked while a pace of requests is measured, on the same thread."""

import itertools
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

from bench.client import Connection, LoadError

_OVERLOADED: Final = 503


class Background(Protocol):
    """Requests beside those that are measured."""

    connections: set[Connection]
    """Those that an answer may come on."""

    def start(self, now: float) -> None:
        """Begin, at a time of perf_counter."""

    def send_due(self, now: float) -> float | None:
        """Send what is due; return when the next request is, None when that is not a matter of time."""

    def answered(self, connection: Connection) -> None:
        """Take note of a whole answer."""

    def close(self) -> None:
        """Wait for the last answers, so that the next measurement meets a server at rest."""


class Silence:
    """Nothing else."""

    def __init__(self) -> None:
        self.connections: set[Connection] = set()

    def start(self, now: float) -> None:
        """Do nothing."""

    def send_due(self, now: float) -> float | None:  # noqa: ARG002 - as the protocol has it
        """Send nothing."""
        return None

    def answered(self, connection: Connection) -> None:
        """Never called."""

    def close(self) -> None:
        """Do nothing."""


class InFlight:
    """So many requests always in flight, one a connection: a closed loop."""

    def __init__(self, port: int, requests: Sequence[bytes], count: int) -> None:
        self._requests = itertools.cycle(requests)
        self.connections = {Connection(port) for _ in range(count)}

    def start(self, now: float) -> None:  # noqa: ARG002 - as the protocol has it
        """Send the first requests."""
        for connection in self.connections:
            self.answered(connection)

    def send_due(self, now: float) -> float | None:  # noqa: ARG002 - as the protocol has it
        """Nothing: a request follows an answer."""
        return None

    def answered(self, connection: Connection) -> None:
        """Ask again."""
        connection.send(next(self._requests))

    def close(self) -> None:
        """Wait for the last answers and hang up."""
        _wind_up(self.connections)


class Storm:
    """So many requests a second whatever becomes of them, an open loop: more than can be served.

    `served` and `refused` count the answers; a refusal is a 503 that says when to come again.
    """

    def __init__(self, port: int, requests: Sequence[bytes], rate: float) -> None:
        self._port = port
        self._requests = itertools.cycle(requests)
        self._pause = 1 / rate
        self._next = 0.0
        self._idle: deque[Connection] = deque()
        self.connections: set[Connection] = set()
        self.served = 0
        self.refused = 0

    def start(self, now: float) -> None:
        """Make the first request due."""
        self._next = now

    def send_due(self, now: float) -> float | None:
        """Send what is due on connections that are free, or new ones."""
        while self._next <= now:
            connection = (
                self._idle.popleft() if self._idle else Connection(self._port, accepts=(b"2", b"503"))
            )
            connection.send(next(self._requests))
            self.connections.add(connection)
            self._next += self._pause
        return self._next

    def answered(self, connection: Connection) -> None:
        """Count the answer; raises LoadError for a refusal that does not say when to come again."""
        self._count(connection)
        self.connections.discard(connection)
        if connection.closes:
            connection.close()
        else:
            self._idle.append(connection)

    def _count(self, connection: Connection) -> None:
        if connection.status != _OVERLOADED:
            self.served += 1
        elif connection.has_header(b"retry-after"):
            self.refused += 1
        else:
            raise LoadError("a 503 without Retry-After")

    def close(self) -> None:
        """Wait for the last answers and hang up."""
        _wind_up(self.connections)
        for connection in self._idle:
            connection.close()


def _wind_up(connections: set[Connection]) -> None:
    for connection in connections:
        while not connection.receive():
            pass
        connection.close()
