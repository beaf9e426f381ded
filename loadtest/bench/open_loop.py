"""Open-loop load: requests are sent at fixed times, whether or not earlier responses have arrived."""

import itertools
import select
import time
from collections import deque
from collections.abc import Sequence
from typing import Final

from bench.background_load import BackgroundLoad
from bench.http_client import TIMEOUT, Connection

_CONNECTIONS: Final = 24
_REJECTED: Final = 400


class OpenLoop:
    """Sends `rate` requests a second.

    Latency starts when a request is due, so a server that stalls does not receive fewer requests. `accepts`
    as for Connection; an accepted rejection counts as TIMEOUT seconds.
    """

    def __init__(
        self, port: int, requests: Sequence[bytes], rate: float, *, accepts: tuple[bytes, ...] = (b"2",)
    ) -> None:
        self._port = port
        self._accepts = accepts
        self._requests = itertools.cycle(requests)
        self._rate = rate

    def latencies(self, seconds: float, background: BackgroundLoad) -> list[float]:
        """Return the latency of each request in seconds, with the background load running."""
        free = deque(Connection(self._port, accepts=self._accepts) for _ in range(_CONNECTIONS))
        busy: set[Connection] = set()
        start = time.perf_counter() + 0.05
        background.start(start)
        due = deque(start + number / self._rate for number in range(int(seconds * self._rate)))
        latencies: list[float] = []
        while due or busy:
            while due and free and due[0] <= time.perf_counter():
                connection = free.popleft()
                connection.due = due.popleft()
                connection.send(next(self._requests))
                busy.add(connection)
            wake_at = [due[0]] if due and free else []
            background_due = background.send_due(time.perf_counter())
            wake_at += [] if background_due is None else [background_due]
            pause = max(0.0, min(wake_at) - time.perf_counter()) if wake_at else TIMEOUT
            # select() instead of epoll, because its timeout has microseconds.
            for connection in select.select([*busy, *background.connections], [], [], pause)[0]:
                if not connection.receive():
                    continue
                if connection in background.connections:
                    background.on_response(connection)
                else:
                    is_rejected = connection.status >= _REJECTED
                    latencies.append(TIMEOUT if is_rejected else time.perf_counter() - connection.due)
                    busy.remove(connection)
                    free.append(connection)
        for connection in free:
            connection.close()
        background.close()
        return latencies
