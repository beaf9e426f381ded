"""One run: its people are made before, it is judged at the end, and its people are removed again."""

import ssl
import sys
import threading
from argparse import Namespace
from dataclasses import dataclass, field
from typing import Any, Final

from locust import events
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from load.direct import Direct, tls_context
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
    directory_is_open: bool = True
    """Whether everybody reads the directory, and not only administrators."""
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


class Course:
    """The course of a run, as locust tells of it.

    Of several processes each that sends has people of its own, and the one that commands them judges.
    """

    def __init__(self) -> None:
        self.run: Run | None = None
        self._thresholds = Thresholds()
        self._is_judge = False
        self._is_concluded = False
        self._concluding = threading.Lock()
        self._broken: list[str] = []
        self._unjudged: list[str] = []

    def install(self) -> None:
        """Listen."""
        events.init_command_line_parser.add_listener(self._add_options)
        events.init.add_listener(self._prepare)
        events.quitting.add_listener(self._conclude)
        events.quit.add_listener(self._tell)

    def _add_options(self, parser: Any) -> None:
        add_options(parser)

    def _prepare(self, environment: Environment, **_: object) -> None:
        """Make the people, or end with one line."""
        options = environment.parsed_options
        assert options is not None
        self._is_judge = not isinstance(environment.runner, WorkerRunner)
        environment.host = (environment.host or "").rstrip("/")
        try:
            self._thresholds = Thresholds().changed(options.threshold)
            if not isinstance(environment.runner, MasterRunner):
                self.run = _new_run(environment.host, options)
                _make_people(self.run, environment.host, options.people)
        except (LoadError, ThresholdError) as error:
            print(f"load: {error}", file=sys.stderr)
            sys.exit(UNUSABLE)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)

    def _conclude(self, environment: Environment, **_: object) -> None:
        """Stop everybody, judge, and remove the people: before locust takes its exit status.

        locust says twice that it quits when SIGTERM makes it: the second time, that is waited for.
        """
        with self._concluding:
            if self._is_concluded:
                return
            self._is_concluded = True
            runner = environment.runner
            assert runner is not None
            runner.quit()
            if self._is_judge:
                self._judge(environment)
                environment.process_exit_code = 1 if self._broken else 0
            try:
                if self.run is not None:
                    _remove_people(self.run)
                    self.run.office.close()
            except (LoadError, KeyboardInterrupt) as error:
                print(f"load: people of the run may be left ({error}): --clean removes them", file=sys.stderr)
                environment.process_exit_code = LEFT_BEHIND

    def _judge(self, environment: Environment) -> None:
        figures = figures_of(
            Row(
                entry.method,
                entry.name,
                entry.num_requests,
                entry.num_failures,
                entry.get_response_time_percentile(0.95),
            )
            for entry in environment.stats.entries.values()
        )
        assert environment.runner is not None
        exceptions = environment.runner.exceptions.values()
        self._broken += self._thresholds.broken(figures)
        self._broken += [f"the scenarios failed: {seen['msg']}" for seen in exceptions]
        self._unjudged += self._thresholds.unjudged(figures)

    def _tell(self, exit_code: int, **_: object) -> None:
        """Say at the very end, below locust's tables, what the run was."""
        if not self._is_judge:
            return
        if self._unjudged:
            print(f"load: too few requests to judge p95: {', '.join(self._unjudged)}", file=sys.stderr)
        for line in self._broken:
            print(f"load: {line}", file=sys.stderr)
        print(f"load: {'FAILED' if exit_code else 'PASSED'}", file=sys.stderr, flush=True)


course: Final = Course()


def current() -> Run:
    """Return the run; there is one wherever people are."""
    assert course.run is not None
    return course.run


def _new_run(base_url: str, options: Namespace) -> Run:
    office = open_office(base_url, options)
    context = tls_context(options.ca_file, insecure=options.insecure)
    return Run(People(office), office, context, options.insecure, options.mistypes)


def _make_people(run: Run, base_url: str, count: int) -> None:
    print(f"load: making {count} people, load-{run.people.run}-...", file=sys.stderr, flush=True)
    try:
        run.people.create(count)
        run.directory_is_open = run.people.try_out(Direct(base_url, run.context))
    except BaseException:  # Ctrl-C, too
        _remove_people(run)
        raise


def _remove_people(run: Run) -> None:
    print(f"load: removed {run.people.remove()} people", file=sys.stderr, flush=True)
