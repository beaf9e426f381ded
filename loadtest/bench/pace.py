"""Latency as people meet it: requests at fixed times, whether or not those before were answered."""

import itertools
import select
import time
from collections import deque
from collections.abc import Sequence
from typing import Final

from bench.background import Background, Silence
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

    def latencies(self, seconds: float, background: Background | None = None) -> list[float]:
        """Return each request's time in seconds, `background` going on meanwhile."""
        others = background or Silence()
        free = deque(Connection(self._port) for _ in range(_CONNECTIONS))
        busy: set[Connection] = set()
        start = time.perf_counter() + 0.05
        others.start(start)
        due = deque(start + number / self._rate for number in range(int(seconds * self._rate)))
        found: list[float] = []
        while due or busy:
            while due and free and due[0] <= time.perf_counter():
                connection = free.popleft()
                connection.due = due.popleft()
                connection.send(next(self._requests))
                busy.add(connection)
            wake_at = [due[0]] if due and free else []
            others_at = others.send_due(time.perf_counter())
            wake_at += [] if others_at is None else [others_at]
            pause = max(0.0, min(wake_at) - time.perf_counter()) if wake_at else _TIMEOUT
            # select() and not epoll: its timeout is in microseconds.
            for connection in select.select([*busy, *others.connections], [], [], pause)[0]:
                if not connection.receive():
                    continue
                if connection in others.connections:
                    others.answered(connection)
                else:
                    found.append(time.perf_counter() - connection.due)
                    busy.remove(connection)
                    free.append(connection)
        for connection in free:
            connection.close()
        others.close()
        return found
