"""Token verification without HTTP: for the first time, remembered, and the revocation check alone."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from bench.plan import Plan
from bench.profiler import profile_call
from bench.rounds import Bound, Figure, measure_rounds, ratios
from bench.signing import new_verifier
from bench.stack import Stack
from bench.verifier import REVOKED, uncached_tokens
from doorward_client.revocations.revocation_list import RevocationList

_FIGURES: Final = {
    "fresh": ("verify a token for the first time", 60.0),
    "remembered": ("verify a remembered token", 5.0),
    "revocation_check": (f"check a token against {REVOKED:,} revocations", 5.0),
}
"""Name and target in microseconds, by what is measured."""


def measure(stack: Stack, plan: Plan) -> list[Figure]:
    """Run the verifier twice in each round."""
    command = stack.machine.pinned_command(sys.executable, "-m", "bench.verifier", str(plan.window / 6))

    def run() -> dict[str, float]:
        return dict(json.loads(subprocess.check_output(command)))

    runs = measure_rounds({"verifier": run, "control": run}, plan.rounds)
    figures = []
    for key, (name, target) in _FIGURES.items():
        values, control = ([run[key] for run in runs[arm]] for arm in ("verifier", "control"))
        figures.append(Figure(name, values, ratios(control, values), Bound.AT_MOST, target, "us"))
    return figures


def profile(_stack: Stack, report: Path) -> None:
    """Profile the first verification of tokens."""
    verifier, tokens = new_verifier(RevocationList()), uncached_tokens()
    profile_call(lambda: [verifier.verify(token) for token in tokens], report)
