"""The footprint of a service process: memory after many requests, and time until it is ready."""

import json
import time
from typing import Final

from bench.closed_loop import cycling
from bench.http_client import Connection, get, post
from bench.plan import Plan
from bench.procfs import memory_mib
from bench.rounds import Bound, Figure, measure_rounds, ratios
from bench.stack import Stack
from support.processes import Process
from support.services import Service, ServiceName

MEMORY_TARGET: Final = 100.0
READY_TARGET: Final = 2.0
_SERVICES: Final[tuple[ServiceName, ...]] = ("auth", "users")


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Measure each service on all cores."""
    return [
        *(_memory(stack, name, plan.memory_requests) for name in _SERVICES),
        *(_start(stack, name, plan) for name in _SERVICES),
    ]


def seconds_to_ready(service: Process) -> float:
    """Start and stop a service; return the seconds from exec to a 200 of /readyz."""
    started = time.perf_counter()
    service.start()
    seconds = time.perf_counter() - started
    service.stop()
    return seconds


def _memory(stack: Stack, name: ServiceName, requests: int) -> Figure:
    """Measure two processes; the second is the control."""
    fresh, resident, maximum = [], [], []
    for _ in range(2):
        service = stack.service(name, one_core=False)
        fresh.append(memory_mib(service.pid, "VmRSS"))
        (_use_auth if name == "auth" else _use_users)(stack, service, requests)
        resident.append(memory_mib(service.pid, "VmRSS"))
        maximum.append(memory_mib(service.pid, "VmHWM"))
        service.stop()
    return Figure(
        f"{name}: resident memory after {requests:,} requests",
        resident,
        [resident[1] / resident[0]],
        Bound.AT_MOST,
        MEMORY_TARGET,
        "MiB",
        {"MiB before the first request": max(fresh), "maximum MiB": max(maximum)},
    )


def _use_users(stack: Stack, service: Service, requests: int) -> None:
    token = stack.users.tokens[0]
    lists = [get(f"/api/v1/users?limit={limit}", token) for limit in (50, 200)]
    cycling(service.port, [*stack.users.profile_reads[:98], *lists], 16).run_times(requests)


def _use_auth(stack: Stack, service: Service, requests: int) -> None:
    logins, refreshes = requests // 20, requests // 5
    cycling(service.port, stack.users.logins, 8).run_times(logins)
    connection = Connection(service.port)
    tokens = json.loads(connection.request(stack.users.logins[0]))
    for _ in range(refreshes):
        body = json.dumps({"refresh_token": tokens["refresh_token"]}).encode("ascii")
        tokens = json.loads(connection.request(post("/api/v1/auth/refresh-token", body)))
    connection.close()
    rest = requests - logins - 1 - refreshes
    cycling(service.port, [get("/api/v1/auth/me", tokens["access_token"])], 16).run_times(rest)


def _start(stack: Stack, name: ServiceName, plan: Plan) -> Figure:
    service = stack.stopped_service(name)
    seconds_to_ready(service)  # compiles modules that were never imported before
    seconds = measure_rounds(
        {arm: lambda: seconds_to_ready(service) for arm in ("start", "control")}, plan.starts
    )
    return Figure(
        f"{name}: from exec to /readyz 200",
        seconds["start"],
        ratios(seconds["control"], seconds["start"]),
        Bound.AT_MOST,
        READY_TARGET,
        "s",
    )
