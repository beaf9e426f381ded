"""One run: its people are made before, it is judged at the end, and its people are removed again."""

import ssl
import sys
from argparse import Namespace
from dataclasses import dataclass, field
from typing import Any, Final

from locust import events
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from load.direct import tls_context
from load.office import Office, open_office
from load.options import add_options
from load.people import People
from load.session import Person
from load.thresholds import Row, ThresholdError, Thresholds, figures_of
from load.wire import LoadError

UNUSABLE: Final = 2
LEFT_BEHIND: Final = 3
INTERRUPTED: Final = 130


@dataclass
class Run:
    """What the people of a run share."""

    people: People
    office: Office
    context: ssl.SSLContext
    insecure: bool
    mistypes: int
    _mistyped: set[str] = field(default_factory=set)

    def tls(self, **_: object) -> ssl.SSLContext:
        """Return the one context for all: the client's own way would trust further authorities."""
        return self.context

    def may_mistype(self, person: Person) -> bool:
        """Tell whether somebody types a wrong password now: once a person, so many times in a run."""
        if len(self._mistyped) >= self.mistypes or person.email in self._mistyped:
            return False
        self._mistyped.add(person.email)
        return True


def install() -> None:
    """Listen to what locust tells of a run."""
    events.init_command_line_parser.add_listener(_add_options)
    events.init.add_listener(_prepare)
    events.quitting.add_listener(_conclude)
    events.quit.add_listener(_tell)


_run: Run | None = None
_thresholds = Thresholds()
_judges = False
_verdict: list[str] = []
_unjudged: list[str] = []


def current() -> Run:
    """Return the run; there is one from `init` on."""
    assert _run is not None
    return _run


def _add_options(parser: Any) -> None:
    add_options(parser)


def _prepare(environment: Environment, **_: object) -> None:
    """Make the people; of several processes each has its own, and the one that commands them has none."""
    global _run, _thresholds  # noqa: PLW0603 - locust calls functions, and has one run a process
    options = environment.parsed_options
    assert options is not None
    try:
        _thresholds = Thresholds().changed(options.threshold)
        if isinstance(environment.runner, MasterRunner):
            return
        environment.host = (environment.host or "").rstrip("/")
        _run = _new_run(environment.host, options)
        _make_people(_run, options.people)
    except (LoadError, ThresholdError) as error:
        print(f"load: {error}", file=sys.stderr)
        sys.exit(UNUSABLE)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _new_run(base_url: str, options: Namespace) -> Run:
    office = open_office(base_url, options)
    context = tls_context(options.ca_file, insecure=options.insecure)
    return Run(People(office), office, context, options.insecure, options.mistypes)


def _make_people(run: Run, count: int) -> None:
    print(f"load: making {count} people, load-{run.people.run}-...", file=sys.stderr, flush=True)
    try:
        run.people.create(count)
    except BaseException:  # Ctrl-C, too
        _remove_people(run)
        raise


def _conclude(environment: Environment, **_: object) -> None:
    """Stop everybody, judge, and remove the people: before locust takes its exit status."""
    runner = environment.runner
    assert runner is not None
    runner.quit()
    if not isinstance(runner, WorkerRunner):
        _judge(environment)
        environment.process_exit_code = 1 if _verdict else 0
    try:
        if _run is not None:
            _remove_people(_run)
            _run.office.close()
    except (LoadError, KeyboardInterrupt) as error:
        print(f"load: people of the run may be left ({error}): --clean removes them", file=sys.stderr)
        environment.process_exit_code = LEFT_BEHIND


def _remove_people(run: Run) -> None:
    print(f"load: removed {run.people.remove()} people", file=sys.stderr, flush=True)


def _judge(environment: Environment) -> None:
    global _judges  # noqa: PLW0603 - as above
    _judges = True
    rows = [
        Row(
            entry.method,
            entry.name,
            entry.num_requests,
            entry.num_failures,
            entry.get_response_time_percentile(0.95),
        )
        for entry in environment.stats.entries.values()
    ]
    figures, runner = figures_of(rows), environment.runner
    assert runner is not None
    _verdict.extend(_thresholds.broken(figures))
    _verdict.extend(f"the scenarios failed: {seen['msg']}" for seen in runner.exceptions.values())
    _unjudged.extend(_thresholds.unjudged(figures))


def _tell(exit_code: int, **_: object) -> None:
    """Say at the very end, below locust's tables, what the run was; of several processes one says it."""
    if not _judges:
        return
    if _unjudged:
        print(f"load: too few requests to judge p95: {', '.join(_unjudged)}", file=sys.stderr)
    for line in _verdict:
        print(f"load: {line}", file=sys.stderr)
    print(f"load: {'FAILED' if exit_code else 'PASSED'}", file=sys.stderr, flush=True)
