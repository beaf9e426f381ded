"""Measures a kind of work on every peer that can do it, in paired and rotated rounds."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from bench.peers.peer import Kind, Load, Peer
from bench.plan import Plan
from bench.procfs import cpu_seconds
from bench.rounds import measure_rounds
from support.processes import Process


@dataclass(frozen=True)
class Sample:
    """The responses of a window, and what they took: seconds, and CPU-seconds of server and database."""

    responses: int
    seconds: float
    server_cpu: float
    database_cpu: float

    @property
    def per_cpu_second(self) -> float:
        return self.responses / self.server_cpu


@dataclass(frozen=True)
class Result:
    """The samples of each peer, one for each round."""

    kind: Kind
    requests: Mapping[str, str]
    samples: Mapping[str, Sequence[Sample]]

    def speeds(self, name: str) -> list[float]:
        """Return a peer's responses per CPU-second of the server, one for each round."""
        return [sample.per_cpu_second for sample in self.samples[name]]

    def per_second(self, name: str) -> float:
        """Return a peer's responses a second of wall-clock time, over all rounds."""
        samples = self.samples[name]
        return sum(sample.responses for sample in samples) / sum(sample.seconds for sample in samples)

    def database_ms(self, name: str) -> float:
        """Return the database's CPU-milliseconds for a response, the median of the rounds."""
        return statistics.median(
            1_000 * sample.database_cpu / sample.responses for sample in self.samples[name]
        )


def measure(kind: Kind, peers: Sequence[Peer], database: Process | None, plan: Plan) -> Result:
    """Start the work of each peer, warm it up, and measure it."""
    able = [peer for peer in peers if kind in peer.work]
    arms: dict[str, Callable[[], Sample]] = {}
    for peer in able:
        load = peer.work[kind].start()
        _warm_up(load, peer.warm_up * plan.window)
        arms[peer.name] = partial(_sample, peer, load, database, plan.window)
    return Result(
        kind, {peer.name: peer.work[kind].request for peer in able}, measure_rounds(arms, plan.rounds)
    )


def _warm_up(load: Load, seconds: float) -> None:
    """Send requests for some seconds; a load whose preparation bounds a run has several runs."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        load.prepare()
        load.run_for(left)


def _sample(peer: Peer, load: Load, database: Process | None, seconds: float) -> Sample:
    load.prepare()
    server, stored, started = _cpu(peer.processes), _cpu([database]), time.perf_counter()
    responses = load.run_for(seconds)
    passed = time.perf_counter() - started
    return Sample(responses, passed, _cpu(peer.processes) - server, _cpu([database]) - stored)


def _cpu(processes: Sequence[Process | None]) -> float:
    return sum(cpu_seconds(process.pid) for process in processes if process is not None)
