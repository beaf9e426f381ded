"""One request, one unit of work: one hop to a thread, one transaction, a commit before the response.

Services call `await database.read(work)` or `await database.write(work)`. `work` gets a connection, runs in a
thread, and may run again. So its only effect must be on the database.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final, NoReturn, TypeVar

import sqlalchemy as sa
import structlog
from sqlalchemy import exc

from doorward_client.errors import DoorwardError, UnavailableError
from doorward_kit.database import DeadlinePassedError, StatementDeadlines, create_engine
from doorward_kit.database_errors import error_code, is_outcome_unknown, is_rolled_back, is_statement_error
from doorward_kit.executors import BoundedExecutor
from doorward_kit.metrics import Metrics
from doorward_kit.retries import jittered
from doorward_kit.settings import DatabaseSettings

T = TypeVar("T")
Work = Callable[[sa.Connection], T]

log = structlog.get_logger(__name__)

CONNECTION_ATTEMPTS: Final = 4
"""Attempts with a broken connection before the database is considered unavailable."""

_PAUSE_SECONDS: Final = 0.01


def do_nothing(_connection: sa.Connection) -> None:
    """Work that writes nothing: the default where a caller may add some."""


class DatabaseUnavailableError(UnavailableError):
    """503: the database is down, frozen, read-only, full, or not migrated yet."""

    code = "database_unavailable"
    detail = "The database is temporarily unavailable. The change may not have been saved; try again shortly."


class Database:
    """A pool of connections, with one thread for each.

    `name` is its label in metrics. `pool_size` and `timeout` (seconds, for a whole unit of work including
    the wait for a thread) default to the settings.
    """

    def __init__(
        self,
        settings: DatabaseSettings,
        metrics: Metrics,
        *,
        name: str = "database",
        pool_size: int | None = None,
        timeout: float | None = None,
    ) -> None:
        self._timeout = timeout = timeout or settings.database_timeout_seconds
        self._metrics = metrics
        pool_size = pool_size or settings.database_pool_size
        # The socket times out first, so that the thread is free again when its caller gives up.
        self.engine = create_engine(
            settings.database_url.get_secret_value(),
            pool_size=pool_size,
            timeout=timeout * 0.8,
            tls_ca_file=settings.database_tls_ca_file,
            allow_public_key_retrieval=settings.database_allow_public_key_retrieval,
        )
        self._deadlines = StatementDeadlines(self.engine)
        self._begin = "BEGIN IMMEDIATE" if self.engine.dialect.name == "sqlite" else "BEGIN"
        self._executor = BoundedExecutor(
            name,
            threads=pool_size,
            deadline=timeout,
            expected_seconds=0.001,
            metrics=metrics.executor(name),
        )
        pool = self.engine.pool
        assert isinstance(pool, sa.pool.QueuePool)
        metrics.pool_connections.labels(name, "in_use").set_function(pool.checkedout)
        metrics.pool_connections.labels(name, "idle").set_function(pool.checkedin)

    async def read(self, work: Work[T]) -> T:
        """Run `work` in autocommit: each statement reads what is committed when it starts.

        Raises DatabaseUnavailableError or OverloadedError.
        """
        return await self._run(self._read_once, work)

    async def write(self, work: Work[T]) -> T:
        """Run `work` in one transaction (READ COMMITTED; on SQLite the only writer) and commit it.

        Raises DatabaseUnavailableError, after which the outcome is unknown, or OverloadedError, after which
        nothing has been written.
        """
        return await self._run(self._write_once, work)

    async def write_outcome(self, work: Callable[[sa.Connection], T | DoorwardError]) -> T:
        """Like `write`; then raise the rejection that `work` returned, whose transaction is committed.

        For rejections that must not undo what they counted. One that `work` raises is rolled back.
        """
        outcome = await self.write(work)
        if isinstance(outcome, DoorwardError):
            raise outcome
        return outcome

    async def execute_single(self, work: Work[T]) -> T:
        """Run `work`, a single statement that writes, in autocommit.

        It takes two round trips less than `write`, and raises the same errors.
        """
        return await self._run(self._write_one_once, work)

    async def execute_idempotent(self, work: Work[T]) -> T:
        """Run `work`, a single idempotent statement, in autocommit.

        It runs again when the connection broke and the outcome is unknown.
        """
        return await self._run(self._read_once, work)

    def write_now(self, work: Work[T]) -> T:
        """Like `write`, on the calling thread: for commands and jobs."""
        return self._attempts(self._write_once, work, time.monotonic() + self._timeout)

    def read_now(self, work: Work[T]) -> T:
        """Like `read`, on the calling thread: for commands and jobs."""
        return self._attempts(self._read_once, work, time.monotonic() + self._timeout)

    def dispose(self) -> None:
        """Wait for running units of work, then close every connection."""
        self._executor.shutdown()
        self.engine.dispose()

    async def _run(self, once: Callable[[Work[T], float], T], work: Work[T]) -> T:
        deadline = time.monotonic() + self._timeout
        try:
            async with asyncio.timeout(self._timeout):
                return await self._executor.run(lambda: self._attempts(once, work, deadline))
        except TimeoutError:
            self._metrics.database_errors.labels("timeout", "failed").inc()
            log.warning("database.timeout", seconds=self._timeout)
            raise DatabaseUnavailableError from None

    def _read_once(self, work: Work[T], _deadline: float) -> T:
        with self.engine.connect() as connection:
            return work(connection)

    def _write_one_once(self, work: Work[T], _deadline: float) -> T:
        with self.engine.connect() as connection:
            try:
                return work(connection)
            except exc.DBAPIError as error:
                if is_outcome_unknown(error):
                    raise _CommitUnknownError from error
                raise

    def _write_once(self, work: Work[T], deadline: float) -> T:
        with self.engine.connect() as connection:
            connection.exec_driver_sql(self._begin)
            result = work(connection)
            if time.monotonic() >= deadline:
                # The caller has already got an error, so nothing should be written.
                raise DatabaseUnavailableError
            try:
                connection.commit()
            except exc.DBAPIError as error:
                if is_outcome_unknown(error):
                    raise _CommitUnknownError from error
                raise
            return result

    def _attempts(self, once: Callable[[Work[T], float], T], work: Work[T], deadline: float) -> T:
        try:
            with self._deadlines.until(deadline):
                return self._retried(once, work, deadline)
        except DeadlinePassedError as error:
            raise DatabaseUnavailableError from error

    def _retried(self, once: Callable[[Work[T], float], T], work: Work[T], deadline: float) -> T:
        attempt = 0
        while True:
            attempt += 1
            try:
                return once(work, deadline)
            except _CommitUnknownError as error:
                self._fail(error.__cause__ or error)
            except exc.TimeoutError as error:  # the pool's; impossible with one thread a connection
                self._fail(error)
            except exc.DBAPIError as error:
                if is_statement_error(error):
                    raise
                # Longer each time, so that contending transactions spread out.
                pause = 0.0 if error.connection_invalidated else jittered(_PAUSE_SECONDS * attempt, 0.0)
                if not self._is_worth_retrying(error, attempt, deadline - pause):
                    self._fail(error)
                self._metrics.database_errors.labels(str(error_code(error.orig)), "retried").inc()
                time.sleep(pause)

    def _is_worth_retrying(self, error: exc.DBAPIError, attempt: int, deadline: float) -> bool:
        if error.connection_invalidated:
            # A connection that the server had closed fails at once, and a new one may work. A connection
            # that failed slowly belongs to a hanging database, where a retry would hang again.
            return attempt < CONNECTION_ATTEMPTS and time.monotonic() < deadline - self._timeout / 2
        return is_rolled_back(error) and time.monotonic() < deadline

    def _fail(self, error: BaseException) -> NoReturn:
        original = getattr(error, "orig", None) or error
        code = error_code(original)
        self._metrics.database_errors.labels(str(code), "failed").inc()
        log.error("database.unavailable", code=code, error=type(original).__name__)
        raise DatabaseUnavailableError from error


class _CommitUnknownError(Exception):
    """The connection broke during COMMIT. The outcome is unknown, so the work must not run again."""
