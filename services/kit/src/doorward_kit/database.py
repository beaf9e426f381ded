"""The engine for MariaDB, MySQL and SQLite, and the deadlines of its statements.

Connections are in autocommit, so a single read costs one round trip, without BEGIN and ROLLBACK. Units of
work that write begin their transaction themselves (unit_of_work).
"""

import sqlite3
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy as sa
import structlog
from pymysql.constants import FIELD_TYPE
from pymysql.converters import conversions
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.pool import ConnectionPoolEntry, PoolResetState

from doorward_kit.column_types import read_utc
from doorward_kit.database_authentication import authentication_arguments
from doorward_kit.database_errors import needs_new_connection

log = structlog.get_logger(__name__)

_SHOW_WSREP: Final = "SHOW SESSION VARIABLES LIKE 'wsrep_on'"

_INSTRUCTIONS: Final = 10_000
"""Instructions of SQLite's virtual machine between two readings of the clock: some hundred microseconds."""

_IN_TRANSACTION: Final = 0x0001  # SERVER_STATUS_IN_TRANS of the client/server protocol


def create_engine(
    url: str,
    *,
    pool_size: int,
    timeout: float,
    tls_ca_file: str | None = None,
    allow_public_key_retrieval: bool = False,
    interrupts_statements: bool = True,
) -> sa.Engine:
    """Build an engine; it connects with the first use.

    `timeout` in seconds limits connecting and every read and write on the socket, for which PyMySQL has no
    limit by default, and on MariaDB every statement on the server unless `interrupts_statements` is False:
    then the server ends what its client gave up on. With `tls_ca_file` connections use TLS, and verify the
    server's certificate and name. Without it, a server on another machine must not ask for the password,
    nor, unless `allow_public_key_retrieval`, encrypted with a key of its own.
    """
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = _sqlite_engine(parsed, pool_size=pool_size, timeout=timeout)
    else:
        engine = _mysql_engine(
            parsed,
            pool_size=pool_size,
            timeout=timeout,
            tls_ca_file=tls_ca_file,
            allow_public_key_retrieval=allow_public_key_retrieval,
            statement_seconds=timeout if interrupts_statements else 0.0,
        )
    sa.event.listen(engine, "handle_error", _invalidate_read_only_connection)
    return engine


def _tls_arguments(ca_file: str | None) -> dict[str, Any]:
    """Return PyMySQL's arguments for verified TLS without fallback, or for no TLS.

    By default it tries TLS without verification, and loads the system's authorities for every connection,
    which takes 41 ms of CPU.
    """
    if ca_file is None:
        return {"ssl_disabled": True}
    return {"ssl": ssl.create_default_context(cafile=ca_file)}


def _mysql_engine(
    url: sa.URL,
    *,
    pool_size: int,
    timeout: float,
    tls_ca_file: str | None,
    allow_public_key_retrieval: bool,
    statement_seconds: float,
) -> sa.Engine:
    engine = sa.create_engine(
        url.set(drivername="mysql+pymysql"),
        pool_size=pool_size,
        hide_parameters=True,  # in errors and logs, because they include password hashes
        max_overflow=0,
        pool_timeout=timeout,
        pool_recycle=600,  # seconds: follows a failover that closed no connection
        pool_reset_on_return=None,
        skip_autocommit_rollback=True,
        connect_args={
            "autocommit": True,
            "charset": "utf8mb4",
            "conv": {**conversions, FIELD_TYPE.DATETIME: read_utc},
            **_tls_arguments(tls_ca_file),
            **authentication_arguments(
                url,
                tls=tls_ca_file is not None,
                allow_public_key_retrieval=allow_public_key_retrieval,
            ),
            "connect_timeout": timeout,
            "read_timeout": timeout,
            "write_timeout": timeout,
        },
    )

    is_cluster_logged = threading.Event()

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        # READ COMMITTED: locking reads lock rows, not the gaps between them.
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        cursor.execute(
            "SET SESSION time_zone = '+00:00', innodb_lock_wait_timeout = 1, lock_wait_timeout = 2,"
            " sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO'"
            # MariaDB alone reads this comment. Without a limit a statement whose client gave up runs on.
            f" /*M! , max_statement_time = {statement_seconds} */"
        )
        if _wait_for_cluster(cursor) and not is_cluster_logged.is_set():
            is_cluster_logged.set()
            _log_cluster(cursor)
        cursor.close()

    @sa.event.listens_for(engine, "reset")
    def _reset(connection: Any, _entry: ConnectionPoolEntry, state: PoolResetState) -> None:
        # Every response of the protocol says whether a transaction is open, so only a connection of a
        # failed unit of work costs a ROLLBACK.
        if not state.terminate_only and connection.server_status & _IN_TRANSACTION:
            connection.rollback()

    return engine


def _log_cluster(cursor: DBAPICursor) -> None:
    """Log the node once, because databases without a heartbeat do not find several (see data_age)."""
    cursor.execute("SELECT @@wsrep_node_name")
    node, *_ = cursor.fetchone() or ("",)
    log.info("database.galera_node", node=node, hint="see docs/databases.md")


def _wait_for_cluster(cursor: DBAPICursor) -> bool:
    """On a Galera node, let statements wait for what other nodes committed before. Tell whether it is a node.

    Otherwise they read what was right a moment ago: a refresh token that another node has just issued is
    unknown, and a revocation as well. A node that has fallen behind answers 1205 instead.
    """
    cursor.execute(_SHOW_WSREP)
    is_node = "ON" in (cursor.fetchone() or ())
    if is_node:
        cursor.execute("SET SESSION wsrep_sync_wait = 7")  # reads, BEGIN, UPDATE, DELETE, INSERT
    return is_node


def _sqlite_engine(url: sa.URL, *, pool_size: int, timeout: float) -> sa.Engine:
    engine = sa.create_engine(
        url,
        poolclass=sa.pool.QueuePool,
        pool_size=pool_size,
        hide_parameters=True,  # in errors and logs, because they include password hashes
        max_overflow=0,
        pool_timeout=timeout,
        pool_reset_on_return=None,
        skip_autocommit_rollback=True,
        connect_args={"check_same_thread": False, "isolation_level": None, "timeout": timeout},
    )

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        _use_wal(cursor, timeout)
        cursor.execute("PRAGMA synchronous = FULL")  # a committed write survives a power failure
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @sa.event.listens_for(engine, "reset")
    def _reset(connection: DBAPIConnection, _entry: ConnectionPoolEntry, _state: PoolResetState) -> None:
        if isinstance(connection, sqlite3.Connection) and connection.in_transaction:
            connection.rollback()

    return engine


def _use_wal(cursor: DBAPICursor, timeout: float) -> None:
    """Enable the write-ahead log; SQLite ignores its timeout for this statement alone."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def is_galera_node(connection: sa.Connection) -> bool:
    """Tell whether the server is a node of a Galera cluster."""
    if connection.dialect.name == "sqlite":
        return False
    return "ON" in (connection.exec_driver_sql(_SHOW_WSREP).one_or_none() or ())


def _invalidate_read_only_connection(context: ExceptionContext) -> None:
    if needs_new_connection(context.original_exception):
        context.is_disconnect = True


class DeadlinePassedError(Exception):
    """The caller of the unit of work has already been told that it failed."""


class StatementDeadlines:
    """Rejects the statements of a thread after its deadline, and interrupts running ones on SQLite.

    The caller has been told that the work failed: it must not keep a thread, a connection and its locks, and
    on SQLite every writer. MariaDB interrupts statements itself (see `create_engine`).
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._of_thread = threading.local()
        # These two and not before_cursor_execute: any event of the engine adds others to each statement.
        sa.event.listen(engine, "do_execute", self._require_time)
        sa.event.listen(engine, "do_executemany", self._require_time)
        if engine.dialect.name == "sqlite":
            sa.event.listen(engine, "connect", self._interrupt)

    @contextmanager
    def until(self, deadline: float) -> Iterator[None]:
        """Set the deadline of the calling thread's statements for the block, in monotonic time."""
        self._of_thread.deadline = deadline
        try:
            yield
        finally:
            del self._of_thread.deadline

    def _has_passed(self) -> bool:
        deadline: float | None = getattr(self._of_thread, "deadline", None)
        return deadline is not None and time.monotonic() >= deadline

    def _require_time(self, *_: Any) -> None:
        """Return None, so that the statement is executed as usual."""
        if self._has_passed():
            raise DeadlinePassedError

    def _interrupt(self, connection: Any, _entry: Any) -> None:
        connection.set_progress_handler(self._has_passed, _INSTRUCTIONS)
