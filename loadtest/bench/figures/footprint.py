"""What a service process takes: memory after ten thousand requests, and time until it is ready."""

import json
import time
from typing import Final

from bench.client import Connection, Flood, get, post
from bench.plan import Plan
from bench.proc import memory_mib
from bench.rounds import Bound, Figure, in_turns, ratios
from bench.stack import Stack
from support.services import Service, ServiceName

MEMORY_TARGET: Final = 100.0
READY_TARGET: Final = 2.0
REQUESTS: Final = 10_000
_SERVICES: Final[tuple[ServiceName, ...]] = ("auth", "users")


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Measure each service twice over, on all cores."""
    return [*(_memory(stack, name) for name in _SERVICES), *(_start(stack, name, plan) for name in _SERVICES)]


def _memory(stack: Stack, name: ServiceName) -> Figure:
    fresh, resident, most = [], [], []
    for _ in range(2):
        service = stack.service(name, pinned=False)
        fresh.append(memory_mib(service.pid, "VmRSS"))
        (_use_auth if name == "auth" else _use_users)(stack, service)
        resident.append(memory_mib(service.pid, "VmRSS"))
        most.append(memory_mib(service.pid, "VmHWM"))
        service.stop()
    return Figure(
        f"{name}: resident after {REQUESTS:,} requests",
        resident,
        [resident[1] / resident[0]],
        Bound.AT_MOST,
        MEMORY_TARGET,
        "MiB",
        {"MiB before the first request": max(fresh), "MiB at most": max(most)},
    )


def _use_users(stack: Stack, service: Service) -> None:
    token = stack.people.tokens[0]
    lists = [get(f"/api/v1/users?limit={limit}", token) for limit in (50, 200)]
    mixed = [*stack.people.reads[:98], *lists]
    Flood(service.port, mixed, 16).times(REQUESTS)


def _use_auth(stack: Stack, service: Service) -> None:
    logins = REQUESTS // 20
    Flood(service.port, stack.people.logins, 8).times(logins)
    connection = Connection(service.port)
    answer = json.loads(connection.ask(stack.people.logins[0]))
    refreshes = REQUESTS // 5
    for _ in range(refreshes):
        body = json.dumps({"refresh_token": answer["refresh_token"]}).encode("ascii")
        answer = json.loads(connection.ask(post("/api/v1/auth/refresh-token", body)))
    connection.close()
    rest = REQUESTS - logins - 1 - refreshes
    Flood(service.port, [get("/api/v1/auth/me", answer["access_token"])], 16).times(rest)


def _start(stack: Stack, name: ServiceName, plan: Plan) -> Figure:
    service = stack.stopped_service(name)

    def seconds() -> float:
        started = time.perf_counter()
        service.start()
        ready = time.perf_counter()
        service.stop()
        return ready - started

    seconds()  # compiles what was never imported before
    found = in_turns({"start": seconds, "again": seconds}, plan.starts)
    return Figure(
        f"{name}: from exec to /readyz 200",
        found["start"],
        ratios(found["again"], found["start"]),
        Bound.AT_MOST,
        READY_TARGET,
        "s",
    )
