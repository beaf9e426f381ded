"""The hot read: `GET /api/v1/users/me` against FastAPI alone, per CPU-second of the server."""

from functools import partial
from pathlib import Path
from typing import Final

from bench.client import Flood
from bench.plan import Plan
from bench.proc import thread_cpu_seconds
from bench.rounds import Arm, Bound, Figure, in_turns, ratios
from bench.share import Share
from bench.stack import Server, Stack
from support.services import Service

CONNECTIONS: Final = 16
TARGET: Final = 0.45
_WARM_UP: Final = 4_000
_PROFILED: Final = 20_000


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Compare two identical users services and the floor."""
    servers: dict[str, Service | Server] = {
        "users": stack.service("users"),
        "twin": stack.service("users"),
        "floor": stack.floor(),
    }
    requests = stack.people.reads
    shares = {
        name: Share(server, Flood(server.port, requests, CONNECTIONS)) for name, server in servers.items()
    }
    for share in shares.values():
        share.load.times(_WARM_UP)
    arms: dict[str, Arm] = {name: partial(share.measure, plan.window) for name, share in shares.items()}
    found = in_turns(arms, plan.rounds)
    lone = Share(servers["users"], Flood(servers["users"].port, requests, 1))
    threads = thread_cpu_seconds(servers["users"].pid)
    figure = Figure(
        "GET /users/me per CPU-second / FastAPI without a database",
        ratios(found["users"], found["floor"]),
        ratios(found["twin"], found["users"]),
        Bound.AT_LEAST,
        TARGET,
        notes={
            "requests/CPU-s": sum(found["users"]) / plan.rounds,
            "floor requests/CPU-s": sum(found["floor"]) / plan.rounds,
            "share of the event loop": threads["event loop"] / sum(threads.values()),
            "requests/CPU-s with 1 connection": lone.measure(plan.window),
        },
    )
    for server in servers.values():
        server.stop()
    return [figure]


def profile(stack: Stack, report: Path) -> None:
    """Profile the users service."""
    server = stack.profiled("users", report)
    Flood(server.port, stack.people.reads, CONNECTIONS).times(_PROFILED)
    server.stop()
