"""Answers a CPU-second of the server: a speed that is the same whatever else waits or idles."""

import time
from dataclasses import dataclass
from typing import Protocol

from bench.proc import cpu_seconds
from support.processes import Process


class Load(Protocol):
    """Requests that are sent as fast as they are answered."""

    def for_seconds(self, seconds: float) -> int:
        """Send for so long, and return how many were answered."""

    def times(self, count: int) -> int:
        """Send so many."""


@dataclass
class Share:
    """A server under a load."""

    process: Process
    load: Load
    answered: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Answers a second of the clock, over all that was measured."""
        return self.answered / self.seconds

    def measure(self, seconds: float) -> float:
        """Send for so long; return answers a CPU-second."""
        before, started = cpu_seconds(self.process.pid), time.perf_counter()
        answered = self.load.for_seconds(seconds)
        self.seconds += time.perf_counter() - started
        self.answered += answered
        return answered / (cpu_seconds(self.process.pid) - before)
