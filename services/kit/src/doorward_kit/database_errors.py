"""Classifies errors of the database: retry, replace the connection, or fail."""

import sqlite3
from typing import Final

from sqlalchemy import exc

_READ_ONLY_CODES: Final = frozenset({1290, 1792, 1836})
"""Errors of a server that has become read-only: the connection must be replaced after a failover."""

_NOT_PRIMARY_CODES: Final = frozenset({1047, 1053})
"""A Galera node outside its cluster, or a server that is shutting down."""

_LOST_CLUSTER_CODES: Final = frozenset({1180})
"""A Galera node that left its cluster during a commit, which the others may have applied or not."""

_ROLLED_BACK_CODES: Final = frozenset({1020, 1205, 1213})
"""Changed since read, lock wait timeout, deadlock: the same work may succeed when it runs again.

When many transactions contend for a row, each round of deadlocks lets only one through, so we retry until
the deadline.
"""

_INTERRUPTED_CODES: Final = frozenset({1317})
"""Ended by another session, or by a cluster that applies what another node committed. A statement of a
transaction may run again; of a COMMIT, and of a statement in autocommit, the outcome is unknown."""

_NO_SCHEMA_CODES: Final = frozenset({1049, 1054, 1146})
"""Unknown database, column or table, because the migration has not run yet."""

_DUPLICATE_KEY_CODE: Final = 1062
_SQLITE_DUPLICATE_KEYS: Final = frozenset({"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"})


def error_code(error: BaseException | None) -> int:
    """Return the error number of the server or driver, 0 without one."""
    arguments = getattr(error, "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else 0


def error_text(error: BaseException) -> str:
    """Return the driver's message in one line, also of an error that was raised from it."""
    original = getattr(error, "orig", None) or getattr(error.__cause__, "orig", None) or error
    return " ".join(str(original).split())


def is_duplicate_key(error: exc.IntegrityError) -> bool:
    """Whether a row with this key exists: other rules, such as NOT NULL, are the same class of error."""
    if isinstance(error.orig, sqlite3.Error):
        return error.orig.sqlite_errorname in _SQLITE_DUPLICATE_KEYS
    return error_code(error.orig) == _DUPLICATE_KEY_CODE


def is_statement_error(error: exc.DBAPIError) -> bool:
    """Distinguish an error of the statement (a duplicate key, for example) from one of the database."""
    caused = isinstance(error, (exc.IntegrityError, exc.DataError, exc.ProgrammingError))
    return caused and error_code(error.orig) not in _NO_SCHEMA_CODES


def is_outcome_unknown(error: exc.DBAPIError) -> bool:
    """Tell whether a COMMIT, or a statement in autocommit, may have been applied despite its error."""
    return error.connection_invalidated or error_code(error.orig) in _INTERRUPTED_CODES


def is_rolled_back(error: exc.DBAPIError) -> bool:
    """Tell whether the transaction was undone, so that the same work may run again."""
    return error_code(error.orig) in _ROLLED_BACK_CODES | _INTERRUPTED_CODES


def needs_new_connection(error: BaseException | None) -> bool:
    """Tell whether a connection still answers a ping and rejects every write, as after a failover."""
    return error_code(error) in _READ_ONLY_CODES | _NOT_PRIMARY_CODES | _LOST_CLUSTER_CODES
