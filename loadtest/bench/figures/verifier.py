"""Verifying a token without HTTP: never seen before, remembered, and looked up among the revoked."""

import json
import subprocess
from pathlib import Path
from typing import Final

from bench.plan import Plan
from bench.profiled import profile_call
from bench.rounds import Bound, Figure, ratios
from bench.signing import new_verifier
from bench.stack import Stack
from bench.verifier import REVOKED, tokens_of_strangers

_FIGURES: Final = {
    "fresh": ("verifying a token never seen", 60.0),
    "remembered": ("verifying a token remembered", 5.0),
    "check": (f"looking a token up among {REVOKED:,} revocations", 5.0),
}
"""Title and target in microseconds, by arm."""


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Measure one process that does nothing else."""
    command = stack.pinned_command("-m", "bench.verifier", str(plan.window / 6), str(plan.rounds))
    found: dict[str, list[float]] = json.loads(subprocess.check_output(command))
    return [
        Figure(title, found[arm], ratios(found[f"{arm} again"], found[arm]), Bound.AT_MOST, target, "us")
        for arm, (title, target) in _FIGURES.items()
    ]


def profile(_stack: Stack, report: Path) -> None:
    """Profile the verification of tokens never seen."""
    verifier, tokens = new_verifier(), tokens_of_strangers()
    profile_call(lambda: [verifier.verify(token) for token in tokens], report)
