"""`python -m load`: put an installation under load, and judge how it held; see --help."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from load.child import INTERRUPTED, interruptible, run_locust
from load.office import open_office
from load.options import add_options, environment
from load.session import LOGIN
from load.thresholds import ThresholdError, Thresholds
from load.wire import LoadError

_UNUSABLE: Final = 2


@dataclass(frozen=True)
class Scenario:
    """Who comes (nobody named: the mix), how many, how fast, and what is allowed beside the usual."""

    personas: Sequence[str]
    users: int
    spawn_rate: float
    rules: Sequence[str] = ()


SCENARIOS: Final[Mapping[str, Scenario]] = {
    "mix": Scenario((), 60, 6),
    "browsing": Scenario(("BrowsingPerson",), 60, 6),
    # A storm is more than can be hashed at once: refusals with a time to come back are the right answer.
    "logins": Scenario(("ArrivingPerson",), 100, 50, (f"{LOGIN} p95=5000 refused=0.9",)),
    "admin": Scenario(("Administrator",), 5, 1),
    "tickets": Scenario(("TicketWriter",), 20, 4),
}

_EPILOG: Final = """\
Each option can be given by the environment variable in brackets instead, the password only so. Anything else
is handed to locust (--processes 4, --csv reports/load, ...). Ends with 0 when every threshold held, 1 when
one did not, 2 when there was nothing to measure, 3 when people of the run were left, 130 after Ctrl-C.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a scenario, or clean; return the exit status that the epilog tells."""
    options, further = _parser().parse_known_args(arguments)
    options.threshold = [*SCENARIOS[options.scenario].rules, *options.threshold]
    try:
        Thresholds().changed(options.threshold)  # to say now what is wrong with them, not after a start
        with interruptible():
            if options.clean:
                return _clean(options)
            with _target(options) as target:
                return _measure(options, further, target)
    except (LoadError, ThresholdError) as error:
        print(f"load: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        return INTERRUPTED
    return _UNUSABLE


def _measure(options: argparse.Namespace, further: Sequence[str], target: Mapping[str, str]) -> int:
    scenario = SCENARIOS[options.scenario]
    command = [
        "--headless",
        "--only-summary",
        "--stop-timeout=10",  # who does something finishes it, and signs out
        f"--host={target.get('BASE_URL', options.base_url)}",
        f"--users={options.users or scenario.users}",
        f"--spawn-rate={options.spawn_rate or scenario.spawn_rate}",
        f"--run-time={options.run_time}",
        f"--html={options.report}",
        *further,
        *scenario.personas,
    ]
    report = Path(options.report)
    report.unlink(missing_ok=True)
    status = run_locust(command, {**environment(options), **target})
    if status == INTERRUPTED:
        print("load: interrupted before its end", file=sys.stderr)
    if report.exists():
        print(f"load: written to {report}", file=sys.stderr)
    return status


def _clean(options: argparse.Namespace) -> int:
    office = open_office(options.base_url, options)
    print(f"load: removed {office.remove()} people of earlier runs", file=sys.stderr)
    office.close()
    return 0


def _target(options: argparse.Namespace) -> AbstractContextManager[Mapping[str, str]]:
    if not options.local:
        return nullcontext({})
    # Imported by those who use it: a cluster is put under load without the services' own packages.
    from load.chain import local_chain  # noqa: PLC0415

    print("load: starting HAProxy, NGINX, the services and MariaDB ...", file=sys.stderr, flush=True)
    return local_chain()


def _parser() -> argparse.ArgumentParser:
    def default(name: str, otherwise: str) -> str:
        return os.environ.get(name) or otherwise

    parser = argparse.ArgumentParser(prog="python -m load", description=__doc__, epilog=_EPILOG)
    add = parser.add_argument
    add("--local", action="store_true", help="start the whole chain on this machine, and stop it afterwards")
    add(
        "--clean",
        action="store_true",
        help="remove the people that killed runs have left, and do nothing else",
    )
    add(
        "--base-url",
        default=default("BASE_URL", "http://127.0.0.1:8080"),
        help="where it answers: in front of /api/v1 [BASE_URL; %(default)s]",
    )
    add(
        "--scenario",
        choices=list(SCENARIOS),
        default=default("SCENARIO", "mix"),
        help="who comes [SCENARIO; %(default)s]",
    )
    add("--users", type=int, default=default("USERS", "0"), help="how many at once [USERS; by scenario]")
    add(
        "--spawn-rate",
        type=float,
        default=default("SPAWN_RATE", "0"),
        help="how many more a second, and so how many logins [SPAWN_RATE; by scenario]",
    )
    add("--run-time", default=default("RUN_TIME", "60s"), help="how long: 60s, 10m [RUN_TIME; %(default)s]")
    add(
        "--report",
        default=default("REPORT", "reports/load.html"),
        help="where the report is written [REPORT; %(default)s]",
    )
    add_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
