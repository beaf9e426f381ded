"""A lock that holds on every node of a Galera cluster, where GET_LOCK and row locks are of one node.

It is a row with an owner and an end. Of two nodes that take it at the same moment, the cluster rolls one
back. The owner moves the end while it works, so the lock of a killed owner is free seconds later.
"""

import contextlib
import secrets
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa

from doorward_kit.database_errors import error_code

LEASE_SECONDS: Final = 15
_RENEW_SECONDS: Final = 4.0
_POLL_SECONDS: Final = 0.5
_ROLLED_BACK_CODES: Final = frozenset({1205, 1213})

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS cluster_locks (
    name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    owner VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    expires_at DATETIME(6) NOT NULL
) ENGINE = InnoDB"""
_ROW: Final = "INSERT IGNORE INTO cluster_locks VALUES (%s, '', UTC_TIMESTAMP(6))"
_TAKE: Final = """
UPDATE cluster_locks SET owner = %s, expires_at = UTC_TIMESTAMP(6) + INTERVAL %s SECOND
WHERE name = %s AND expires_at <= UTC_TIMESTAMP(6)"""
_RENEW: Final = """
UPDATE cluster_locks SET expires_at = UTC_TIMESTAMP(6) + INTERVAL %s SECOND
WHERE owner = %s AND name = %s"""
_RELEASE: Final = "UPDATE cluster_locks SET expires_at = UTC_TIMESTAMP(6) WHERE owner = %s AND name = %s"


class LockLostError(Exception):
    """Another owner may have the lock, because this one could not move its end in time, or release it."""


@contextlib.contextmanager
def cluster_lock(engine: sa.Engine, name: str, *, wait_seconds: float) -> Iterator[None]:
    """Hold the lock during the block, on a connection of its own.

    Raises TimeoutError, and LockLostError at the end of the block.
    """
    # The pool of the caller may have one connection only, which is in use.
    pool = engine.pool.recreate()
    lock = _Lock(pool, name)
    try:
        lock.take(time.monotonic() + wait_seconds)
        with lock.renewed():
            yield
        lock.release()
    finally:
        pool.dispose()


class _Lock:
    def __init__(self, pool: sa.Pool, name: str) -> None:
        self._pool = pool
        self._connection: Any = pool.connect()
        self._name = name
        self._owner = secrets.token_hex(16)
        self._is_done = threading.Event()

    def take(self, deadline: float) -> None:
        if not self._run("SHOW TABLES LIKE 'cluster_locks'"):
            self._run(_TABLE)
        self._run(_ROW, self._name)
        while not self._run(_TAKE, self._owner, LEASE_SECONDS, self._name):
            if time.monotonic() >= deadline:
                raise TimeoutError
            time.sleep(_POLL_SECONDS)

    @contextlib.contextmanager
    def renewed(self) -> Iterator[None]:
        """Move the end of the lock from a thread during the block."""
        thread = threading.Thread(target=self._renew, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._is_done.set()
            thread.join()

    def release(self) -> None:
        """Let another owner take the lock; raises LockLostError."""
        try:
            is_released = self._run_again(_RELEASE, self._owner, self._name)
        except Exception as error:
            raise LockLostError from error
        if not is_released:
            raise LockLostError

    def _renew(self) -> None:
        while not self._is_done.wait(_RENEW_SECONDS):
            # A lock that was lost is found out at its release.
            with contextlib.suppress(Exception):
                self._run_again(_RENEW, LEASE_SECONDS, self._owner, self._name)

    def _run_again(self, statement: str, *arguments: str | int) -> int:
        """Run a statement, after an error once more on a new connection: a failover closes the first one."""
        try:
            return self._run(statement, *arguments)
        except Exception:  # noqa: BLE001 - of any driver
            self._connection.invalidate()
            self._connection = self._pool.connect()
            return self._run(statement, *arguments)

    def _run(self, statement: str, *arguments: str | int) -> int:
        """Run a statement in autocommit; return its rows, 0 where the cluster rolled it back."""
        with contextlib.closing(self._connection.cursor()) as cursor:
            try:
                return int(cursor.execute(statement, arguments))
            except Exception as error:
                if error_code(error) in _ROLLED_BACK_CODES:
                    return 0
                raise
