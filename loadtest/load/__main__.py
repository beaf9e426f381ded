"""`python -m load`: put an installation under load and check the thresholds; see --help."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from load.http_client import LoadError
from load.locust_process import INTERRUPTED, run_locust, sigterm_as_interrupt
from load.options import add_options, environment, variable_or
from load.thresholds import ThresholdError, Thresholds
from load.user_provisioning import open_provisioning
from load.user_session import LOGIN

_UNUSABLE: Final = 2


@dataclass(frozen=True)
class Scenario:
    """The kinds of users (empty: all), how many, how many start each second, and its thresholds."""

    kinds: Sequence[str]
    users: int
    spawn_rate: float
    rules: Sequence[str] = ()


SCENARIOS: Final[Mapping[str, Scenario]] = {
    "mix": Scenario((), 60, 6),
    "browsing": Scenario(("BrowsingUser",), 60, 6),
    # More logins arrive than can be hashed, so rejections with `Retry-After` are correct.
    "logins": Scenario(("LoginUser",), 100, 50, (f"{LOGIN} p95=5000 rejected=0.9",)),
    "admin": Scenario(("AdminUser",), 5, 1),
    "tickets": Scenario(("TicketUser",), 20, 4),
}

_EPILOG: Final = """\
Each option has an environment variable, shown in brackets; the password has only the variable. Further
options are passed to locust (--processes 4, --csv reports/load, ...). Exit status: 0 all thresholds held,
1 a threshold was violated, 2 nothing could be measured, 3 test accounts may be left, 130 interrupted.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a scenario or clean up; return the exit status as the epilog lists it."""
    options, locust_options = _parser().parse_known_args(arguments)
    options.threshold = [*SCENARIOS[options.scenario].rules, *options.threshold]
    try:
        Thresholds().with_rules(options.threshold)  # reports a wrong rule before anything starts
        with sigterm_as_interrupt():
            if options.clean:
                return _clean(options)
            with _target(options) as target:
                return _measure(options, locust_options, target)
    except (LoadError, ThresholdError) as error:
        print(f"load: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        return INTERRUPTED
    return _UNUSABLE


def _measure(options: argparse.Namespace, locust_options: Sequence[str], target: Mapping[str, str]) -> int:
    scenario = SCENARIOS[options.scenario]
    command = [
        "--headless",
        "--only-summary",
        "--stop-timeout=10",  # users finish their task and log out
        f"--host={target.get('BASE_URL', options.base_url)}",
        f"--users={options.users or scenario.users}",
        f"--spawn-rate={options.spawn_rate or scenario.spawn_rate}",
        f"--run-time={options.run_time}",
        f"--html={options.report}",
        *locust_options,
        *scenario.kinds,
    ]
    report = Path(options.report)
    report.unlink(missing_ok=True)
    status = run_locust(command, {**environment(options), **target})
    if status == INTERRUPTED:
        print("load: interrupted", file=sys.stderr)
    if report.exists():
        print(f"load: report written to {report}", file=sys.stderr)
    return status


def _clean(options: argparse.Namespace) -> int:
    provisioning = open_provisioning(options.base_url, options)
    print(f"load: removed {provisioning.remove()} accounts of earlier runs", file=sys.stderr)
    provisioning.close()
    return 0


def _target(options: argparse.Namespace) -> AbstractContextManager[Mapping[str, str]]:
    if not options.local:
        return nullcontext({})
    # Imported here, because a run against a cluster works without the services' packages.
    from load.local_chain import local_chain  # noqa: PLC0415

    print("load: starting HAProxy, NGINX, the services and MariaDB ...", file=sys.stderr, flush=True)
    return local_chain()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m load", description=__doc__, epilog=_EPILOG)
    add = parser.add_argument
    add("--local", action="store_true", help="start the whole chain on this machine and stop it afterwards")
    add("--clean", action="store_true", help="only remove the test accounts that killed runs left behind")
    add(
        "--base-url",
        default=variable_or("BASE_URL", "http://127.0.0.1:8080"),
        help="URL of the installation, without /api/v1 [BASE_URL; %(default)s]",
    )
    add(
        "--scenario",
        choices=list(SCENARIOS),
        default=variable_or("SCENARIO", "mix"),
        help="which kinds of users [SCENARIO; %(default)s]",
    )
    add("--users", type=int, default=variable_or("USERS", "0"), help="concurrent users [USERS; by scenario]")
    add(
        "--spawn-rate",
        type=float,
        default=variable_or("SPAWN_RATE", "0"),
        help="users that start, and so log in, each second [SPAWN_RATE; by scenario]",
    )
    add(
        "--run-time",
        default=variable_or("RUN_TIME", "60s"),
        help="duration: 60s, 10m [RUN_TIME; %(default)s]",
    )
    add(
        "--report",
        default=variable_or("REPORT", "reports/load.html"),
        help="path of the report [REPORT; %(default)s]",
    )
    add_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
