"""The hot read's p99 while people log in, both services on one core: a few, and four times too many."""

from collections.abc import Callable
from typing import Final

from bench.background import Background, InFlight, Silence, Storm
from bench.client import Flood
from bench.pace import Pace
from bench.plan import Plan
from bench.proc import memory_mib
from bench.rounds import Bound, Figure, in_turns, percentile, ratios
from bench.stack import Server, Stack

TARGET: Final = 2.0
MEMORY_TARGET: Final = 1.05
LOGINS: Final = 8
STORM: Final = 4
"""Logins arrive so many times as fast as they can be served."""

RATE: Final = 200.0
"""Reads a second: a tenth of what the core can do."""

_WARM_UP: Final = 4_000


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Compare one process with and without logins, and with its idle twin."""
    return _Latency(stack, plan).figures()


class _Latency:
    def __init__(self, stack: Stack, plan: Plan) -> None:
        self._people = stack.people
        self._plan = plan
        self._server, self._twin = stack.standalone(), stack.standalone()
        self._seen: dict[str, list[float]] = {}
        self._storms: list[Storm] = []
        self._resident: list[float] = []

    def figures(self) -> list[Figure]:
        """Measure."""
        for one in (self._server, self._twin):
            Flood(one.port, self._people.reads, 16).times(_WARM_UP)
            Flood(one.port, self._people.logins, LOGINS).times(20)
        capacity = Flood(self._server.port, self._people.logins, LOGINS).for_seconds(self._plan.window)
        rate = STORM * capacity / self._plan.window
        found = in_turns(
            {
                "alone": lambda: self._arm("alone", self._server, Silence),
                "with logins": lambda: self._arm("with logins", self._server, self._few),
                "in a storm": lambda: self._arm("in a storm", self._server, lambda: self._storm(rate)),
                "twin alone": lambda: self._arm("twin alone", self._twin, Silence),
            },
            self._plan.latency_rounds,
        )
        self._server.stop()
        self._twin.stop()
        control = ratios(found["twin alone"], found["alone"])
        return [
            self._compared("with 8 logins in flight", "with logins", found, control),
            self._compared("while logins arrive four times too fast", "in a storm", found, control),
            self._memory(),
        ]

    def _few(self) -> Background:
        return InFlight(self._server.port, self._people.logins, LOGINS)

    def _storm(self, rate: float) -> Background:
        self._storms.append(Storm(self._server.port, self._people.logins, rate))
        return self._storms[-1]

    def _arm(self, name: str, target: Server, background: Callable[[], Background]) -> float:
        pace = Pace(target.port, self._people.reads, RATE)
        latencies = pace.latencies(self._plan.latency_window, background())
        if name == "in a storm":
            self._resident.append(memory_mib(target.pid, "VmRSS"))
        self._seen.setdefault(name, []).extend(latencies)
        return percentile(latencies, 0.99)

    def _compared(self, how: str, name: str, found: dict[str, list[float]], control: list[float]) -> Figure:
        told: dict[str, float | str] = {"samples an arm": len(self._seen["alone"])}
        for arm in ("alone", name):
            for share in (0.5, 0.99):
                told[f"p{share * 100:.0f} {arm} ms"] = percentile(self._seen[arm], share) * 1000
        return Figure(
            f"p99 of GET /users/me {how} / without",
            ratios(found[name], found["alone"]),
            control,
            Bound.AT_MOST,
            TARGET,
            notes=told,
        )

    def _memory(self) -> Figure:
        served = sum(storm.served for storm in self._storms)
        refused = sum(storm.refused for storm in self._storms)
        return Figure(
            "memory after the last storm / after the first",
            [self._resident[-1] / self._resident[0]],
            [1.0],
            Bound.AT_MOST,
            MEMORY_TARGET,
            notes={
                "MiB": self._resident[-1],
                "logins served in storms": served,
                "refused with 503 and Retry-After": refused,
            },
        )
