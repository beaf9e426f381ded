"""Latency as people meet it: requests at fixed times, whether or not those before were answered."""

import itertools
import select
import time
from collections import deque
from collections.abc import Sequence
from typing import Final

from bench.client import Connection

_CONNECTIONS: Final = 24
_TIMEOUT: Final = 30.0


class Pace:
    """An open loop of `rate` requests a second.

    A request's time counts from when it was due, so a server that stalls is not asked less.
    """

    def __init__(self, port: int, requests: Sequence[bytes], rate: float) -> None:
        self._port = port
        self._requests = itertools.cycle(requests)
        self._rate = rate

    def latencies(self, seconds: float, background: Sequence[bytes] = (), in_flight: int = 0) -> list[float]:
        """Return each request's time in seconds.

        Meanwhile `in_flight` requests of `background` are kept going, one a connection.
        """
        others = _Background(self._port, background, in_flight)
        free = deque(Connection(self._port) for _ in range(_CONNECTIONS))
        busy: set[Connection] = set()
        start = time.perf_counter() + 0.05
        due = deque(start + number / self._rate for number in range(int(seconds * self._rate)))
        found: list[float] = []
        while due or busy:
            while due and free and due[0] <= time.perf_counter():
                connection = free.popleft()
                connection.due = due.popleft()
                connection.send(next(self._requests))
                busy.add(connection)
            pause = max(0.0, due[0] - time.perf_counter()) if due and free else _TIMEOUT
            # select() and not epoll: its timeout is in microseconds.
            for connection in select.select([*busy, *others.connections], [], [], pause)[0]:
                if not connection.receive():
                    continue
                if connection in others.connections:
                    others.repeat(connection)
                else:
                    found.append(time.perf_counter() - connection.due)
                    busy.remove(connection)
                    free.append(connection)
        for connection in free:
            connection.close()
        others.close()
        return found


class _Background:
    """Requests that are always in flight."""

    def __init__(self, port: int, requests: Sequence[bytes], in_flight: int) -> None:
        self._requests = itertools.cycle(requests)
        self.connections = {Connection(port) for _ in range(in_flight)}
        for connection in self.connections:
            self.repeat(connection)

    def repeat(self, connection: Connection) -> None:
        """Ask again where an answer has come."""
        connection.send(next(self._requests))

    def close(self) -> None:
        """Wait for the last answers, so that the next measurement meets a server at rest."""
        for connection in self.connections:
            while not connection.receive():
                pass
            connection.close()
