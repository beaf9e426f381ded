"""The processor time of a replica that refreshes 100,000 grants an hour in the background."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from bench import seed_grants
from bench.plan import Plan
from bench.rounds import Bound, Figure, ratios
from bench.stack import Stack
from doorward.rotate_vault import make_first_key
from integration.upstream.grant_setup import GrantSetup
from integration.upstream.rotating_upstream import DirectAdapter, RotatingUpstream
from support.processes import inherited_environment
from support.services import migrate

AN_HOUR: Final = 100_000
TARGET: Final = 20.0
_OTHERS: Final = 20_000
_TIMEOUT_SECONDS: Final = 600


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Measure two processes, each with a database of its own; the second is the control."""
    count = plan.memory_requests // 10
    spent = [_refresh(stack, count) for _ in range(2)]
    # They become due at the rate of the title; the wait for the first one costs next to nothing.
    cpu = [100 * sample["cpu_seconds"] / count * AN_HOUR / 3_600 for sample in spent]
    return [
        Figure(
            f"auth: CPU time of {AN_HOUR:,} refreshes of grants an hour",
            cpu,
            ratios(cpu[1:], cpu[:1]),
            Bound.AT_MOST,
            TARGET,
            "% of a core",
            {
                "ms of CPU a refresh": max(sample["cpu_seconds"] for sample in spent) * 1_000 / count,
                "statements a refresh": max(sample["statements"] for sample in spent) / count,
            },
        )
    ]


def _refresh(stack: Stack, count: int) -> dict[str, float]:
    database = stack.machine.new_database("grants")
    migrate(database.url)
    keys = stack.machine.folder / f"{database.name}.json"
    make_first_key(keys)
    grant_setup = GrantSetup(database.url, keys, DirectAdapter(RotatingUpstream()))
    seed_grants.create(grant_setup, due=count, seconds_apart=3_600 / AN_HOUR, others=_OTHERS)
    grant_setup.close()
    database.execute("ANALYZE TABLE upstream_grants, sessions, users")
    command = [sys.executable, "-m", "bench.refresh_grants", database.url, str(keys), str(count)]
    done = subprocess.run(
        stack.machine.pinned_command(*command),
        env={**inherited_environment(), "PYTHONPATH": _modules()},
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_SECONDS,
        check=True,
    )
    spent: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return spent


def _modules() -> str:
    root = Path(__file__).parents[3]
    return f"{root / 'loadtest'}:{root / 'tests'}"
