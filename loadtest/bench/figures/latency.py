"""The hot read's p99 while people log in, both services on one core."""

from collections.abc import Sequence
from typing import Final

from bench.client import Flood
from bench.pace import Pace
from bench.plan import Plan
from bench.rounds import Bound, Figure, in_turns, percentile, ratios
from bench.stack import Server, Stack

TARGET: Final = 2.0
LOGINS: Final = 8
RATE: Final = 200.0
"""Reads a second: a tenth of what the core can do."""

_WARM_UP: Final = 4_000


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Compare one process with and without logins, and with its idle twin."""
    server, twin = stack.standalone(), stack.standalone()
    for one in (server, twin):
        Flood(one.port, stack.people.reads, 16).times(_WARM_UP)
        Flood(one.port, stack.people.logins, LOGINS).times(20)
    seen: dict[str, list[float]] = {}

    def arm(name: str, target: Server, background: Sequence[bytes]) -> float:
        pace = Pace(target.port, stack.people.reads, RATE)
        latencies = pace.latencies(plan.latency_window, background, LOGINS if background else 0)
        seen.setdefault(name, []).extend(latencies)
        return percentile(latencies, 0.99)

    found = in_turns(
        {
            "alone": lambda: arm("alone", server, ()),
            "with logins": lambda: arm("with logins", server, stack.people.logins),
            "twin alone": lambda: arm("twin alone", twin, ()),
        },
        plan.latency_rounds,
    )
    server.stop()
    twin.stop()
    told: dict[str, float | str] = {"samples an arm": len(seen["alone"])}
    for name in ("alone", "with logins"):
        for share in (0.5, 0.99):
            told[f"p{share * 100:.0f} {name} ms"] = percentile(seen[name], share) * 1000
    return [
        Figure(
            "p99 of GET /users/me with 8 logins in flight / without",
            ratios(found["with logins"], found["alone"]),
            ratios(found["twin alone"], found["alone"]),
            Bound.AT_MOST,
            TARGET,
            notes=told,
        )
    ]
