"""Logins against bare Argon2id with the same parameters, per CPU-second."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Final

from bench.closed_loop import cycling
from bench.plan import Plan
from bench.rounds import Bound, Figure, measure_rounds, ratios
from bench.stack import Stack
from bench.throughput import Throughput

CONNECTIONS: Final = 4
TARGET: Final = 0.9
_WARM_UP: Final = 20


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Compare two identical auth services and a process that only hashes."""
    services = [stack.service("auth"), stack.service("auth")]
    auth, control = (
        Throughput(service, cycling(service.port, stack.users.logins, CONNECTIONS)) for service in services
    )
    for server in (auth, control):
        server.load.run_times(_WARM_UP)
    hashing = stack.machine.pinned_command(sys.executable, "-m", "bench.hashing", str(plan.window))
    arms: dict[str, Callable[[], float]] = {
        "auth": partial(auth.measure, plan.window),
        "control": partial(control.measure, plan.window),
        "hashing": lambda: float(subprocess.check_output(hashing)),
    }
    speeds = measure_rounds(arms, plan.rounds)
    for service in services:
        service.stop()
    return [
        Figure(
            "POST /auth/token per CPU-second / bare Argon2id",
            ratios(speeds["auth"], speeds["hashing"]),
            ratios(speeds["control"], speeds["auth"]),
            Bound.AT_LEAST,
            TARGET,
            notes={
                "logins/CPU-s": sum(speeds["auth"]) / plan.rounds,
                "bare hashes/CPU-s": sum(speeds["hashing"]) / plan.rounds,
            },
        )
    ]
