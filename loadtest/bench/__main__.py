"""`python -m bench`: measure everything, or with --quick only that everything can be measured."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from bench import report, stack
from bench.client import LoadError
from bench.figures import footprint, latency, logins, pages, reads, refresh, tickets, verifier
from bench.plan import FULL, QUICK, Plan
from bench.proc import machine_ticks, stolen_share
from bench.rounds import Figure
from bench.stack import Stack
from support.processes import ProcessError

_FIGURES: Final[Mapping[str, Callable[[Stack, Plan], list[Figure]]]] = {
    "reads": reads.measure,
    "refresh": refresh.measure,
    "verifier": verifier.measure,
    "logins": logins.measure,
    "latency": latency.measure,
    "pages": pages.measure,
    "footprint": footprint.measure,
    "tickets": tickets.measure,
}
_PROFILES: Final[Mapping[str, Callable[[Stack, Path], None]]] = {
    "reads": reads.profile,
    "refresh": refresh.profile,
    "verifier": verifier.profile,
}
_PROFILE: Final = Path("reports/profile.txt")


def main() -> int:
    """Measure; return 0 whatever the figures are, 1 when they could not be had."""
    options = _options()
    try:
        return _measure(options)
    except (LoadError, ProcessError, OSError, RuntimeError) as error:
        print(f"bench: could not measure: {error}", file=sys.stderr)
    except (pytest.skip.Exception, pytest.fail.Exception) as error:
        print(f"bench: {error}", file=sys.stderr)
    return 1


def _measure(options: argparse.Namespace) -> int:
    plan = QUICK if options.quick else FULL
    started, ticks = time.time(), machine_ticks()
    figures: list[Figure] = []
    with stack.running(plan.people) as servers:
        # The database, started before, keeps to this core as well only when it is the last one.
        os.sched_setaffinity(0, {servers.client_core})
        if options.profile:
            _PROFILES[options.profile](servers, _PROFILE)
            print(_PROFILE.read_text(encoding="utf-8"))
            return 0
        for name in options.only or _FIGURES:
            _say(f"measuring {name} ...")
            figures += _FIGURES[name](servers, plan)
    run: dict[str, Any] = {
        "seconds": round(time.time() - started),
        "quick": options.quick,
        "people": plan.people,
        "load_average": os.getloadavg()[0],
        "stolen_share": stolen_share(ticks, machine_ticks()),
    }
    report.write(figures, run)
    print(report.table(figures), report.notes(figures), sep="\n\n")
    _say(f"{run['seconds']} s; written to {report.PATH}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small numbers: does it work?")
    parser.add_argument(
        "--profile", nargs="?", const="reads", choices=list(_PROFILES), help="profile instead of measuring"
    )
    parser.add_argument("--only", nargs="+", choices=list(_FIGURES), help="measure these alone")
    return parser.parse_args()


def _say(line: str) -> None:
    print(f"bench: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
