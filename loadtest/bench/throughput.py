"""Responses per CPU-second: a speed that does not depend on idle time or on other processes."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from bench.closed_loop import ClosedLoop
from bench.procfs import cpu_seconds
from bench.rounds import measure_rounds
from support.processes import Process


@dataclass
class Throughput:
    """A server under closed-loop load."""

    server: Process
    load: ClosedLoop
    database: Process | None = None
    """Its CPU time is added to the server's."""
    _responses: int = field(default=0, init=False)
    _seconds: float = field(default=0.0, init=False)

    @property
    def per_second(self) -> float:
        """Responses a second of wall-clock time, over all measurements."""
        return self._responses / self._seconds

    def measure(self, seconds: float) -> float:
        """Run the load for some seconds; return responses per CPU-second."""
        cpu, started = self._cpu_seconds(), time.perf_counter()
        responses = self.load.run_for(seconds)
        self._seconds += time.perf_counter() - started
        self._responses += responses
        return responses / (self._cpu_seconds() - cpu)

    def _cpu_seconds(self) -> float:
        database = cpu_seconds(self.database.pid) if self.database else 0.0
        return cpu_seconds(self.server.pid) + database


def compare(servers: Mapping[str, Throughput], seconds: float, rounds: int) -> dict[str, list[float]]:
    """Measure the servers in paired rounds, `seconds` each; return responses per CPU-second."""
    return measure_rounds(
        {name: partial(server.measure, seconds) for name, server in servers.items()}, rounds
    )
