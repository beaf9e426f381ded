"""`python -m bench.peers`: Doorward next to Keycloak, Django REST framework and fastapi-users."""

import argparse
import dataclasses
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from bench import report
from bench.http_client import ResponseError
from bench.peers import django_rest, doorward, fastapi_users_server, keycloak, page
from bench.peers.measurement import Result, measure
from bench.peers.peer import Kind, Peer
from bench.peers.results import Report, figures, table
from bench.plan import FULL, QUICK, Plan
from bench.procfs import machine_ticks, stolen_share
from bench.stack import Machine, running_machine
from support.processes import ProcessError

_USERS: Final = 10_000
_FEWEST: Final = 1_000
_CODES: Final = 800
_CODES_QUICK: Final = 200
_JSON: Final = Path("reports/peers.json")
_HTML: Final = Path("reports/peers.html")
_SVG: Final = Path("reports/peers.svg")
_PEERS: Final[Mapping[str, str]] = {
    "keycloak": keycloak.NAME,
    "drf": django_rest.NAME,
    "fastapi-users": fastapi_users_server.NAME,
}
_EPILOG: Final = f"""\
Names for --only: {", ".join(Kind)}. A peer that cannot be installed, such as Keycloak without Java, is named
at the end. The exit status is 1 when nothing could be measured, and 0 whatever the figures are.
"""


def main(arguments: Sequence[str]) -> int:
    """Measure; return the exit status as the epilog explains it."""
    chosen = options(arguments)
    try:
        if chosen.record:
            _record()
        else:
            _measure(chosen)
    except (ResponseError, ProcessError, OSError, RuntimeError) as error:
        print(f"bench: could not measure: {error}", file=sys.stderr)
    except (pytest.skip.Exception, pytest.fail.Exception) as error:
        print(f"bench: {error}", file=sys.stderr)
    else:
        return 0
    return 1


def options(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__, epilog=_EPILOG)
    parser.add_argument("--quick", action="store_true", help="short rounds, to show that all can be measured")
    parser.add_argument(
        "--users", type=int, default=_USERS, metavar="N", help="users of each server (default: %(default)s)"
    )
    parser.add_argument(
        "--only", nargs="+", type=Kind, default=list(Kind), metavar="WORK", help="measure only this work"
    )
    parser.add_argument(
        "--peers", nargs="*", choices=list(_PEERS), default=list(_PEERS), help="start only these peers"
    )
    parser.add_argument(
        "--record",
        action="store_true",
        help="write the last results into docs/performance.md; measure nothing",
    )
    chosen = parser.parse_args(arguments)
    if chosen.users < _FEWEST:
        parser.error(f"--users: {_FEWEST} at least")
    return chosen


def _measure(chosen: argparse.Namespace) -> None:
    plan = dataclasses.replace(QUICK if chosen.quick else FULL, users=chosen.users)
    codes = _CODES_QUICK if chosen.quick else _CODES
    started, ticks, load_before = time.time(), machine_ticks(), os.getloadavg()[0]
    with running_machine() as machine:
        os.sched_setaffinity(0, {machine.client_core})
        peers, missing = _start(machine, plan, codes, chosen.peers)
        measured = [_result(kind, peers, machine, plan) for kind in chosen.only]
    run = {
        "date": time.strftime("%Y-%m-%d", time.gmtime(started)),
        "seconds": round(time.time() - started),
        "quick": chosen.quick,
        "users": plan.users,
        "rounds": plan.rounds,
        "window": plan.window,
        **_machine_kind(),
        "load_before": load_before,
        "load_after": os.getloadavg()[0],
        "stolen_share": stolen_share(ticks, machine_ticks()),
    }
    _write(Report(measured, {peer.name: peer.about for peer in peers}, missing, run))
    print(report.table(figures(measured)), table(measured), sep="\n\n")
    report.progress(f"{run['seconds']} s; written to {_JSON}, {_HTML} and {_SVG}")
    for line in page.not_measured(missing):
        print(f"\n*** {line}\n", file=sys.stderr)


def _start(
    machine: Machine, plan: Plan, codes: int, names: Sequence[str]
) -> tuple[list[Peer], dict[str, str]]:
    """Start Doorward and the peers; return the running ones, and why the others are not."""
    starts: dict[str, Callable[[], Peer]] = {
        "keycloak": lambda: keycloak.start(machine, plan.users, codes),
        "drf": lambda: django_rest.start(machine, plan.users),
        "fastapi-users": lambda: fastapi_users_server.start(machine, plan.users),
    }
    missing: dict[str, str] = {}
    report.progress(f"starting {doorward.NAME}, twice ...")
    peers = doorward.start(machine, plan, codes)
    for name in names:
        report.progress(f"starting {_PEERS[name]} ...")
        try:
            peers.append(starts[name]())
        except (ProcessError, RuntimeError) as error:
            missing[_PEERS[name]] = str(error)
            report.progress(f"*** {_PEERS[name]} is NOT measured: {error}")
    return peers, missing


def _result(kind: Kind, peers: Sequence[Peer], machine: Machine, plan: Plan) -> Result:
    report.progress(f"measuring {kind} ...")
    return measure(kind, peers, machine.database_process, plan)


def _write(found: Report) -> None:
    _JSON.parent.mkdir(exist_ok=True)
    _JSON.write_text(json.dumps(found.document(), indent=2) + "\n", encoding="utf-8")
    _HTML.write_text(page.html(found), encoding="utf-8")
    _SVG.write_text(page.chart(found.results), encoding="utf-8")


def _record() -> None:
    if not _JSON.exists():
        raise RuntimeError(f"{_JSON} does not exist: run `make bench-peers` first")
    page.record(Report.of(json.loads(_JSON.read_text(encoding="utf-8"))))


def _machine_kind() -> dict[str, Any]:
    processor = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    return {
        "cores": os.cpu_count(),
        "processor": processor[0] if processor else platform.machine(),
        "python": platform.python_version(),
        "database": _first_line("mariadbd", "--version"),
        "java": _first_line("java", "-version"),
    }


def _first_line(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return f"no {command[0]}"
    return (done.stdout or done.stderr).partition("\n")[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
