"""One request, one unit of work: one hop to a thread, one transaction, committed before the answer.

Endpoints call `await database.read(work)` or `await database.write(work)`; `work` gets a
connection, runs in a thread, and may be run again, so it must have no effect but on the database.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final, NoReturn, TypeVar

import sqlalchemy as sa
import structlog
from sqlalchemy import exc

from doorward_client.errors import UnavailableError
from doorward_kit.database import create_engine, error_code
from doorward_kit.executors import BoundedExecutor
from doorward_kit.metrics import Metrics
from doorward_kit.retries import jittered
from doorward_kit.settings import DatabaseSettings

T = TypeVar("T")
Work = Callable[[sa.Connection], T]

log = structlog.get_logger(__name__)

ROLLED_BACK_CODES: Final = frozenset({1020, 1205, 1213})
"""Changed since read, lock wait timeout, deadlock: the same work may succeed when run again.

It is run until the deadline: of many that meet at one row, each round of deadlocks lets one go on.
"""

NO_SCHEMA_CODES: Final = frozenset({1049, 1054, 1146})
"""Unknown database, column or table: the migration has not run yet."""

CONNECTION_ATTEMPTS: Final = 4
"""After so many, a connection that breaks means that the database is away."""

_PAUSE_SECONDS: Final = 0.01


class DatabaseUnavailableError(UnavailableError):
    """503: the database is down, frozen, read-only, full, or not migrated yet."""

    code = "database_unavailable"
    detail = "The database does not answer right now. Nothing was confirmed; try again shortly."


class Database:
    """A pool of connections and the threads that use them, one each.

    `name` tells it from others of the same process in metrics. The number of connections and the bound on a
    whole unit of work as its caller sees it, waiting included (`timeout`, seconds) come from the settings
    unless given.
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
        # The socket gives up first, so that threads are free again when callers have gone.
        self.engine = create_engine(
            settings.database_url.get_secret_value(),
            pool_size=pool_size,
            timeout=timeout * 0.8,
            tls_ca_file=settings.database_tls_ca_file,
        )
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
        """Run `work` in autocommit: each statement sees what is committed when it starts.

        Raises DatabaseUnavailableError or OverloadedError.
        """
        return await self._run(lambda deadline: self._attempts(self._read_once, work, deadline))

    async def write(self, work: Work[T]) -> T:
        """Run `work` in one transaction (READ COMMITTED; SQLite: the only writer) and commit it.

        Raises DatabaseUnavailableError, after which the write may or may not have happened, or
        OverloadedError, after which it has not.
        """
        return await self._run(lambda deadline: self.write_now(work, deadline=deadline))

    async def execute_single(self, work: Work[T]) -> T:
        """Run `work` in autocommit, for a single statement that writes: a transaction of its own.

        Two round trips fewer than `write`, of which it otherwise says the same.
        """
        return await self._run(lambda deadline: self._attempts(self._write_one_once, work, deadline))

    async def execute_idempotent(self, work: Work[T]) -> T:
        """Run `work` in autocommit, and again when a connection broke and nobody knows what it did.

        For work with a single statement that writes, which recognises what an earlier run did.
        """
        return await self._run(lambda deadline: self._attempts(self._read_once, work, deadline))

    def write_now(self, work: Work[T], *, deadline: float | None = None) -> T:
        """Do as `write` does, on the calling thread: for commands and jobs."""
        return self._attempts(self._write_once, work, deadline or time.monotonic() + self._timeout)

    def dispose(self) -> None:
        """Let running units end, then close every connection."""
        self._executor.shutdown()
        self.engine.dispose()

    async def _run(self, job: Callable[[float], T]) -> T:
        deadline = time.monotonic() + self._timeout
        try:
            async with asyncio.timeout(self._timeout):
                return await self._executor.run(lambda: job(deadline))
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
                if error.connection_invalidated:
                    raise _CommitUnknownError from error
                raise

    def _write_once(self, work: Work[T], deadline: float) -> T:
        with self.engine.connect() as connection:
            connection.exec_driver_sql(self._begin)
            result = work(connection)
            if time.monotonic() >= deadline:
                # The caller was told that nothing is confirmed; then better that nothing happens.
                raise DatabaseUnavailableError
            try:
                connection.commit()
            except exc.DBAPIError as error:
                if error.connection_invalidated:
                    raise _CommitUnknownError from error
                raise
            return result

    def _attempts(self, once: Callable[[Work[T], float], T], work: Work[T], deadline: float) -> T:
        attempt = 0
        while True:
            attempt += 1
            try:
                return once(work, deadline)
            except _CommitUnknownError as error:
                self._fail(error.__cause__ or error)
            except exc.TimeoutError as error:  # the pool's: cannot happen with a thread a connection
                self._fail(error)
            except exc.DBAPIError as error:
                if _is_statement_error(error):
                    raise
                # Longer each time, so that those who met do not meet again.
                pause = 0.0 if error.connection_invalidated else jittered(_PAUSE_SECONDS * attempt, 0.0)
                if not self._worth_repeating(error, attempt, deadline - pause):
                    self._fail(error)
                self._metrics.database_errors.labels(str(error_code(error.orig)), "retried").inc()
                time.sleep(pause)

    def _worth_repeating(self, error: exc.DBAPIError, attempt: int, deadline: float) -> bool:
        if error.connection_invalidated:
            # A connection that the server had closed fails at once, and a new one may work. One
            # that failed slowly belongs to a database that hangs: do not hang a second time.
            return attempt < CONNECTION_ATTEMPTS and time.monotonic() < deadline - self._timeout / 2
        return error_code(error.orig) in ROLLED_BACK_CODES and time.monotonic() < deadline

    def _fail(self, error: BaseException) -> NoReturn:
        original = getattr(error, "orig", None) or error
        code = error_code(original)
        self._metrics.database_errors.labels(str(code), "failed").inc()
        log.error("database.unavailable", code=code, error=type(original).__name__)
        raise DatabaseUnavailableError from error


def _is_statement_error(error: exc.DBAPIError) -> bool:
    """Tell an error that the statement caused (a duplicate key, say) from one of the database."""
    caused = isinstance(error, (exc.IntegrityError, exc.DataError, exc.ProgrammingError))
    return caused and error_code(error.orig) not in NO_SCHEMA_CODES


class _CommitUnknownError(Exception):
    """The connection broke during COMMIT: nobody knows whether it took effect; never run again."""
