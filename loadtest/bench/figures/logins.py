"""Logging in against bare Argon2id with the same parameters, per CPU-second."""

import subprocess
from typing import Final

from bench.client import Flood
from bench.plan import Plan
from bench.rounds import Bound, Figure, in_turns, ratios
from bench.share import Share
from bench.stack import Stack

CONNECTIONS: Final = 4
TARGET: Final = 0.9
_WARM_UP: Final = 20


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Compare two identical auth services and a process that only hashes."""
    servers = [stack.service("auth"), stack.service("auth")]
    first, twin = (Share(server, Flood(server.port, stack.people.logins, CONNECTIONS)) for server in servers)
    for share in (first, twin):
        share.load.times(_WARM_UP)
    bare = stack.pinned_command("-m", "bench.hashing", str(plan.window))
    found = in_turns(
        {
            "auth": lambda: first.measure(plan.window),
            "twin": lambda: twin.measure(plan.window),
            "bare": lambda: float(subprocess.check_output(bare)),
        },
        plan.rounds,
    )
    for server in servers:
        server.stop()
    return [
        Figure(
            "POST /auth/token per CPU-second / bare Argon2id",
            ratios(found["auth"], found["bare"]),
            ratios(found["twin"], found["auth"]),
            Bound.AT_LEAST,
            TARGET,
            notes={
                "logins/CPU-s": sum(found["auth"]) / plan.rounds,
                "bare hashes/CPU-s": sum(found["bare"]) / plan.rounds,
            },
        )
    ]
