"""The lifecycle of a run: create accounts, evaluate the thresholds at the end, remove the accounts."""

import ssl
import sys
import threading
from argparse import Namespace
from dataclasses import dataclass, field
from typing import Any, Final

from locust import events
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from load.http_client import HttpClient, LoadError, tls_context
from load.options import add_options
from load.thresholds import StatsRow, ThresholdError, Thresholds, route_stats, routes_without_p95
from load.user_provisioning import AccountPool, UserProvisioning, open_provisioning
from load.user_session import Account

UNUSABLE: Final = 2
ACCOUNTS_LEFT: Final = 3
INTERRUPTED: Final = 130


@dataclass
class RunData:
    """Data that the users of a run share."""

    accounts: AccountPool
    provisioning: UserProvisioning
    context: ssl.SSLContext
    insecure: bool
    wrong_passwords: int
    directory_is_open: bool = True
    """Whether users who are not administrators may read the directory."""
    _mistyped: set[str] = field(default_factory=set)

    def tls(self, **_: object) -> ssl.SSLContext:
        """Return the shared context, because locust's default trusts further authorities."""
        return self.context

    def may_use_wrong_password(self, account: Account) -> bool:
        """Return true once for an account, and `wrong_passwords` times in a run."""
        if len(self._mistyped) >= self.wrong_passwords or account.email in self._mistyped:
            return False
        self._mistyped.add(account.email)
        return True


class RunLifecycle:
    """Handlers of locust's events.

    With several processes each worker has its own accounts, and the master evaluates the thresholds.
    """

    def __init__(self) -> None:
        self.run: RunData | None = None
        self._thresholds = Thresholds()
        self._evaluates = False
        self._finished = False
        self._finishing = threading.Lock()
        self._violations: list[str] = []
        self._without_p95: list[str] = []

    def install(self) -> None:
        events.init_command_line_parser.add_listener(self._add_options)
        events.init.add_listener(self._prepare)
        events.quitting.add_listener(self._finish)
        events.quit.add_listener(self._print_result)

    def _add_options(self, parser: Any) -> None:
        add_options(parser)

    def _prepare(self, environment: Environment, **_: object) -> None:
        """Create the accounts, or exit with a one-line message."""
        options = environment.parsed_options
        assert options is not None
        self._evaluates = not isinstance(environment.runner, WorkerRunner)
        environment.host = (environment.host or "").rstrip("/")
        try:
            self._thresholds = Thresholds().with_rules(options.threshold)
            if not isinstance(environment.runner, MasterRunner):
                self.run = _new_run(environment.host, options)
                _create_accounts(self.run, environment.host, options.accounts)
        except (LoadError, ThresholdError) as error:
            print(f"load: {error}", file=sys.stderr)
            sys.exit(UNUSABLE)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)

    def _finish(self, environment: Environment, **_: object) -> None:
        """Stop the users, evaluate, and remove the accounts, before locust takes its exit status.

        After SIGTERM locust fires this event twice; the second call waits for the first.
        """
        with self._finishing:
            if self._finished:
                return
            self._finished = True
            runner = environment.runner
            assert runner is not None
            runner.quit()
            if self._evaluates:
                self._evaluate(environment)
                environment.process_exit_code = 1 if self._violations else 0
            try:
                if self.run is not None:
                    _remove_accounts(self.run)
                    self.run.provisioning.close()
            except (LoadError, KeyboardInterrupt) as error:
                print(f"load: test accounts may be left ({error}): run --clean", file=sys.stderr)
                environment.process_exit_code = ACCOUNTS_LEFT

    def _evaluate(self, environment: Environment) -> None:
        stats = route_stats(
            StatsRow(
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
        self._violations += self._thresholds.violations(stats)
        self._violations += [f"a scenario failed: {exception['msg']}" for exception in exceptions]
        self._without_p95 += routes_without_p95(stats)

    def _print_result(self, exit_code: int, **_: object) -> None:
        """Print the result last, below locust's tables."""
        if not self._evaluates:
            return
        if self._without_p95:
            print(f"load: too few requests for a p95: {', '.join(self._without_p95)}", file=sys.stderr)
        for line in self._violations:
            print(f"load: {line}", file=sys.stderr)
        print(f"load: {'FAILED' if exit_code else 'PASSED'}", file=sys.stderr, flush=True)


lifecycle: Final = RunLifecycle()


def current() -> RunData:
    """Return the run; it exists before the first user does."""
    assert lifecycle.run is not None
    return lifecycle.run


def _new_run(base_url: str, options: Namespace) -> RunData:
    provisioning = open_provisioning(base_url, options)
    context = tls_context(options.ca_file, insecure=options.insecure)
    return RunData(
        AccountPool(provisioning), provisioning, context, options.insecure, options.wrong_passwords
    )


def _create_accounts(run: RunData, base_url: str, count: int) -> None:
    print(f"load: creating {count} accounts, load-{run.accounts.run}-...", file=sys.stderr, flush=True)
    try:
        run.accounts.create(count)
        run.directory_is_open = run.accounts.check_login(HttpClient(base_url, run.context))
    except BaseException:  # also Ctrl-C
        _remove_accounts(run)
        raise


def _remove_accounts(run: RunData) -> None:
    print(f"load: removed {run.accounts.remove()} accounts", file=sys.stderr, flush=True)
