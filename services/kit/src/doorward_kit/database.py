"""The engine for MariaDB, MySQL and SQLite.

Connections are in autocommit, so a single read costs one round trip, without BEGIN and ROLLBACK. Units of
work that write begin their transaction themselves (unit_of_work).
"""

import sqlite3
import ssl
import time
from typing import Any, Final

import sqlalchemy as sa
from pymysql.constants import FIELD_TYPE
from pymysql.converters import conversions
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.pool import ConnectionPoolEntry, PoolResetState

from doorward_kit.column_types import read_utc

READ_ONLY_CODES: Final = frozenset({1290, 1792, 1836})
"""Errors of a server that has become read-only: the connection must be replaced after a failover."""

NOT_PRIMARY_CODES: Final = frozenset({1047, 1053})
"""A Galera node outside its cluster, or a server that is shutting down."""

_IN_TRANSACTION: Final = 0x0001  # SERVER_STATUS_IN_TRANS of the client/server protocol


def create_engine(
    url: str,
    *,
    pool_size: int,
    timeout: float,
    tls_ca_file: str | None = None,
    interrupts_statements: bool = True,
) -> sa.Engine:
    """Build an engine; it connects with the first use.

    `timeout` in seconds limits connecting and every read and write on the socket, for which PyMySQL has no
    limit by default, and on MariaDB every statement on the server unless `interrupts_statements` is False:
    then the server ends what its client gave up on. With `tls_ca_file` connections use TLS, and verify the
    server's certificate and name.
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
    url: sa.URL, *, pool_size: int, timeout: float, tls_ca_file: str | None, statement_seconds: float
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
            "connect_timeout": timeout,
            "read_timeout": timeout,
            "write_timeout": timeout,
        },
    )

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
        cursor.close()

    @sa.event.listens_for(engine, "reset")
    def _reset(connection: Any, _entry: ConnectionPoolEntry, state: PoolResetState) -> None:
        # Every response of the protocol says whether a transaction is open, so only a connection of a
        # failed unit of work costs a ROLLBACK.
        if not state.terminate_only and connection.server_status & _IN_TRANSACTION:
            connection.rollback()

    return engine


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


def error_code(error: BaseException | None) -> int:
    """Return the error number of the server or driver, 0 without one."""
    arguments = getattr(error, "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else 0


def error_text(error: BaseException) -> str:
    """Return the driver's message in one line, also of an error that was raised from it."""
    original = getattr(error, "orig", None) or getattr(error.__cause__, "orig", None) or error
    return " ".join(str(original).split())


def _invalidate_read_only_connection(context: ExceptionContext) -> None:
    # After a failover these connections still answer a ping, but reject every write.
    if error_code(context.original_exception) in READ_ONLY_CODES | NOT_PRIMARY_CODES:
        context.is_disconnect = True
