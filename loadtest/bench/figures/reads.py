"""The hottest read: `GET /api/v1/users/me` against FastAPI alone, per CPU-second of the server."""

from pathlib import Path
from typing import Final

from bench.closed_loop import cycling
from bench.plan import Plan
from bench.procfs import thread_cpu_seconds
from bench.rounds import Bound, Figure, ratios
from bench.stack import Stack
from bench.throughput import Throughput, compare

CONNECTIONS: Final = 16
TARGET: Final = 0.45
_WARM_UP: Final = 4_000
_PROFILED: Final = 20_000


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Compare two identical users services and the baseline."""
    services = {
        "users": stack.service("users"),
        "control": stack.service("users"),
        "baseline": stack.baseline_app(),
    }
    requests = stack.users.profile_reads
    servers = {
        name: Throughput(service, cycling(service.port, requests, CONNECTIONS))
        for name, service in services.items()
    }
    for server in servers.values():
        server.load.run_times(_WARM_UP)
    speeds = compare(servers, plan.window, plan.rounds)
    users = services["users"]
    single = Throughput(users, cycling(users.port, requests, 1))
    threads = thread_cpu_seconds(users.pid)
    figure = Figure(
        "GET /users/me per CPU-second / FastAPI without a database",
        ratios(speeds["users"], speeds["baseline"]),
        ratios(speeds["control"], speeds["users"]),
        Bound.AT_LEAST,
        TARGET,
        notes={
            "requests/CPU-s": sum(speeds["users"]) / plan.rounds,
            "baseline requests/CPU-s": sum(speeds["baseline"]) / plan.rounds,
            "CPU share of the event loop": threads["event loop"] / sum(threads.values()),
            "requests/CPU-s with 1 connection": single.measure(plan.window),
        },
    )
    for service in services.values():
        service.stop()
    return [figure]


def profile(stack: Stack, report: Path) -> None:
    """Profile the users service."""
    service = stack.profiled("users", report)
    cycling(service.port, stack.users.profile_reads, CONNECTIONS).run_times(_PROFILED)
    service.stop()
