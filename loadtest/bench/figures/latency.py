"""The hottest read's p99 during logins on the same core: a few logins, and four times too many."""

from collections.abc import Callable
from functools import partial
from typing import Final

from bench.background_load import BackgroundLoad, ClosedLoopLoad, OverloadLoad
from bench.closed_loop import cycling
from bench.open_loop import OpenLoop
from bench.plan import Plan
from bench.procfs import memory_mib
from bench.rounds import Bound, Figure, measure_rounds, percentile, ratios
from bench.stack import Stack
from support.services import Service

TARGET: Final = 2.0
MEMORY_TARGET: Final = 1.05
LOGINS: Final = 8
OVERLOAD: Final = 4
"""Factor by which more logins arrive than the core can serve."""

RATE: Final = 200.0
"""Reads a second: a tenth of the core's capacity."""

_WARM_UP: Final = 4_000


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Compare a process with and without logins, and with an identical process without logins."""
    return _Latency(stack, plan).figures()


class _Latency:
    def __init__(self, stack: Stack, plan: Plan) -> None:
        self._users = stack.users
        self._plan = plan
        self._server, self._control = stack.standalone(), stack.standalone()
        self._latencies: dict[str, list[float]] = {}
        self._overloads: list[OverloadLoad] = []
        self._resident: list[float] = []

    def figures(self) -> list[Figure]:
        for service in (self._server, self._control):
            cycling(service.port, self._users.profile_reads, 16).run_times(_WARM_UP)
            cycling(service.port, self._users.logins, LOGINS).run_times(20)
        served = cycling(self._server.port, self._users.logins, LOGINS).run_for(self._plan.window)
        rate = OVERLOAD * served / self._plan.window
        p99 = measure_rounds(
            {
                "idle": partial(self._arm, "idle", self._server, BackgroundLoad),
                "with logins": partial(self._arm, "with logins", self._server, self._few),
                "overloaded": partial(self._arm, "overloaded", self._server, partial(self._overload, rate)),
                "control": partial(self._arm, "control", self._control, BackgroundLoad),
            },
            self._plan.latency_rounds,
        )
        self._server.stop()
        self._control.stop()
        return [
            self._figure("with 8 logins in flight", "with logins", p99),
            self._figure("while logins arrive four times too fast", "overloaded", p99),
            self._memory(),
        ]

    def _few(self) -> BackgroundLoad:
        return ClosedLoopLoad(self._server.port, self._users.logins, LOGINS)

    def _overload(self, rate: float) -> BackgroundLoad:
        self._overloads.append(OverloadLoad(self._server.port, self._users.logins, rate))
        return self._overloads[-1]

    def _arm(self, name: str, service: Service, background: Callable[[], BackgroundLoad]) -> float:
        loop = OpenLoop(service.port, self._users.profile_reads, RATE)
        latencies = loop.latencies(self._plan.latency_window, background())
        if name == "overloaded":
            self._resident.append(memory_mib(service.pid, "VmRSS"))
        self._latencies.setdefault(name, []).extend(latencies)
        return percentile(latencies, 0.99)

    def _figure(self, title: str, name: str, p99: dict[str, list[float]]) -> Figure:
        notes: dict[str, float | str] = {"samples per arm": len(self._latencies["idle"])}
        for arm in ("idle", name):
            for share in (0.5, 0.99):
                notes[f"p{share * 100:.0f} {arm} ms"] = percentile(self._latencies[arm], share) * 1000
        return Figure(
            f"p99 of GET /users/me {title} / without",
            ratios(p99[name], p99["idle"]),
            ratios(p99["control"], p99["idle"]),
            Bound.AT_MOST,
            TARGET,
            notes=notes,
        )

    def _memory(self) -> Figure:
        return Figure(
            "memory after the last overload / after the first",
            [self._resident[-1] / self._resident[0]],
            [],
            Bound.AT_MOST,
            MEMORY_TARGET,
            notes={
                "MiB": self._resident[-1],
                "logins served": sum(load.served for load in self._overloads),
                "rejected with 503 and Retry-After": sum(load.rejected for load in self._overloads),
            },
        )
