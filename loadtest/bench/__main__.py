"""`python -m bench`: measure all figures, or compare this checkout with another one."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from bench import comparison, report, seed_directory
from bench.comparison import Comparison
from bench.figures import (
    directory,
    edge,
    floods,
    footprint,
    grants,
    growth,
    html_pages,
    latency,
    logins,
    pages,
    reads,
    refresh,
    search,
    streams,
    tickets,
    upstream_refresh,
    verifier,
)
from bench.http_client import ResponseError
from bench.plan import FULL, QUICK, Plan
from bench.procfs import machine_ticks, stolen_share
from bench.rounds import Figure
from bench.stack import Machine, Stack, running_machine
from support.processes import ProcessError

_FIGURES: Final[Mapping[str, Callable[[Stack, Plan], list[Figure]]]] = {
    "reads": reads.measure,
    "edge": edge.measure,
    "refresh": refresh.measure,
    "verifier": verifier.measure,
    "logins": logins.measure,
    "latency": latency.measure,
    "floods": floods.measure,
    "pages": pages.measure,
    "html-pages": html_pages.measure,
    "footprint": footprint.measure,
    "streams": streams.measure,
    "tickets": tickets.measure,
    "search": search.measure,
    "directory": directory.measure,
    "growth": growth.measure,
    "grants": grants.measure,
    "upstream": upstream_refresh.measure,
}
_PROFILES: Final[Mapping[str, Callable[[Stack, Path], None]]] = {
    "reads": reads.profile,
    "refresh": refresh.profile,
    "verifier": verifier.profile,
}
_PROFILE: Final = Path("reports/profile.txt")
_EPILOG: Final = f"""\
Names for --only: {", ".join(_FIGURES)}. With --against: {", ".join(comparison.FIGURES)}. The exit status is 1
when nothing could be measured, and 0 whatever the figures are.
"""


def main() -> int:
    """Measure; return the exit status as the epilog explains it."""
    options = _options()
    try:
        return _measure(options)
    except (ResponseError, ProcessError, OSError, RuntimeError) as error:
        print(f"bench: could not measure: {error}", file=sys.stderr)
    except (pytest.skip.Exception, pytest.fail.Exception) as error:
        print(f"bench: {error}", file=sys.stderr)
    return 1


def _measure(options: argparse.Namespace) -> int:
    plan = QUICK if options.quick else FULL
    if options.people:
        plan = replace(plan, people=options.people)
    started, ticks = time.time(), machine_ticks()
    with running_machine() as machine:
        os.sched_setaffinity(0, {machine.client_core})
        if options.profile:
            _PROFILES[options.profile](Stack(machine, plan.users), _PROFILE)
            print(_PROFILE.read_text(encoding="utf-8"))
            return 0
        if options.against:
            figures = Comparison(machine, options.against, plan, options.only).figures()
        else:
            figures = _own_figures(machine, plan, options.only)
    run: dict[str, Any] = {
        "seconds": round(time.time() - started),
        "quick": options.quick,
        "users": plan.users,
        "load_average": os.getloadavg()[0],
        "stolen_share": stolen_share(ticks, machine_ticks()),
    }
    if options.against:
        run |= {"before": report.revision(options.against), "after": report.revision(Path())}
    report.write(figures, run)
    print(report.table(figures), report.notes(figures), sep="\n\n")
    report.progress(f"{run['seconds']} s; written to {report.PATH}")
    return 0


def _own_figures(machine: Machine, plan: Plan, only: Sequence[str]) -> list[Figure]:
    stack = Stack(machine, plan.users)
    figures: list[Figure] = []
    for name in only:
        report.progress(f"measuring {name} ...")
        figures += _FIGURES[name](stack, plan)
    return figures


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__, epilog=_EPILOG)
    parser.add_argument("--quick", action="store_true", help="small sizes, to show that everything works")
    parser.add_argument(
        "--against",
        type=Path,
        metavar="DIR",
        help="compare with another checkout, which has a .venv of its own; the ratios are this one / DIR",
    )
    parser.add_argument(
        "--profile", nargs="?", const="reads", choices=list(_PROFILES), help="profile instead of measuring"
    )
    parser.add_argument("--people", type=_thousands, help="of the figures growth and directory")
    parser.add_argument("--only", nargs="+", metavar="FIGURE", help="measure only these figures")
    options = parser.parse_args()
    names = list(comparison.FIGURES if options.against else _FIGURES)
    options.only = options.only or names
    if unknown := set(options.only) - set(names):
        parser.error(f"--only: {', '.join(sorted(unknown))}: choose from {', '.join(names)}")
    return options


def _thousands(text: str) -> int:
    count = int(text)
    if count <= 0 or count % seed_directory.STEP:
        raise argparse.ArgumentTypeError("a multiple of a thousand")
    return count


if __name__ == "__main__":
    sys.exit(main())
