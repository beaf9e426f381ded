"""Reads through HAProxy and NGINX against reads of the service itself, at the speed of the service."""

import time
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from bench.closed_loop import ClosedLoop, cycling
from bench.figures.reads import CONNECTIONS
from bench.plan import Plan
from bench.procfs import cpu_seconds
from bench.rounds import Bound, Figure, measure_rounds, ratios
from bench.stack import Stack
from support.chain import running_edge
from support.services import Service

TARGET: Final = 0.8
_WARM_UP: Final = 4_000


class _Speed(NamedTuple):
    """Responses for a second of the clock, and for a CPU-second of the service."""

    per_second: float
    per_cpu_second: float


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Compare both ways to one service; the direct way again is the control.

    The service has a core of its own and is what limits the throughput: both proxies and the client share the
    other core.
    """
    service = stack.service("users")
    requests = stack.users.profile_reads
    with running_edge(service.port, service.port, service.port) as edge:
        direct = cycling(service.port, requests, CONNECTIONS)
        through = cycling(edge.haproxy.plain_port, requests, CONNECTIONS)
        for load in (direct, through):
            load.run_times(_WARM_UP)
        speeds = measure_rounds(
            {
                name: partial(_speed, service, load, plan.window)
                for name, load in (("through", through), ("direct", direct), ("control", direct))
            },
            plan.rounds,
        )
    service.stop()
    return [
        _figure("responses a second", speeds, lambda speed: speed.per_second),
        _figure("responses per CPU-second of the service", speeds, lambda speed: speed.per_cpu_second),
    ]


def _speed(service: Service, load: ClosedLoop, seconds: float) -> _Speed:
    cpu, started = cpu_seconds(service.pid), time.perf_counter()
    responses = load.run_for(seconds)
    passed = time.perf_counter() - started
    return _Speed(responses / passed, responses / (cpu_seconds(service.pid) - cpu))


def _figure(name: str, speeds: dict[str, list[_Speed]], value: Callable[[_Speed], float]) -> Figure:
    values = {arm: [value(speed) for speed in rounds] for arm, rounds in speeds.items()}
    return Figure(
        f"GET /users/me through HAProxy and NGINX / direct, {name}",
        ratios(values["through"], values["direct"]),
        ratios(values["control"], values["direct"]),
        Bound.AT_LEAST,
        TARGET,
        notes={arm: sum(values[arm]) / len(values[arm]) for arm in ("through", "direct")},
    )
