"""`doorward import-users`: users of another system, with their password hashes.

A file is read twice: all of it is checked, then imported in small transactions. What is committed decides
what a repeated import has left to do, so that an import may be killed at any moment.
"""

import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, TextIO

from doorward.progress import Progress
from doorward.user_file import UnacceptableImportError, UserLine, read_lines
from doorward_identity.accounts import EmailTakenError
from doorward_identity.audit.repository import AuditAction
from doorward_identity.bulk_accounts import BulkAccount, create_missing
from doorward_identity.user_export import FileFormat
from doorward_kit.unit_of_work import Database

BATCH_SIZE: Final = 500
"""Users of a transaction: more are no faster, and would keep other writers of SQLite waiting."""

MAX_SHOWN_ERRORS: Final = 20

_MAX_ATTEMPTS: Final = 5


class ImportContendedError(Exception):
    """Others take addresses of a file at every attempt to create its users."""


class CheckResult(NamedTuple):
    """The number of valid lines, of the others, and of valid ones with an address outside the domains."""

    valid: int
    invalid: int
    outside: int = 0


class ImportResult(NamedTuple):
    """The number of created accounts, and of accounts that existed and stay unchanged."""

    created: int
    present: int


class InvalidLines:
    """Counts what is wrong with lines, keeps the first errors, and writes all of them to a report."""

    def __init__(self, report: TextIO | None) -> None:
        self._report = report
        self._shown: list[str] = []
        self._errors = 0
        self.lines = 0

    def add(self, line: UserLine, errors: Sequence[str]) -> None:
        """Add the errors of one line, or of the lines of one record."""
        self.lines += line.lines
        self._errors += len(errors)
        last = line.number + line.lines - 1
        where = f"line {line.number}" if line.lines == 1 else f"lines {line.number} to {last}"
        texts = [f"{where}: {error}" for error in errors]
        self._shown += texts[: MAX_SHOWN_ERRORS - len(self._shown)]
        if self._report is not None:
            self._report.writelines(f"{text}\n" for text in texts)

    def __str__(self) -> str:
        more = [f"and {self._errors - MAX_SHOWN_ERRORS} more"] if self._errors > MAX_SHOWN_ERRORS else []
        return "\n  ".join([*self._shown, *more])


@contextmanager
def open_users(path: Path) -> Iterator[BinaryIO]:
    """Open a file, or standard input for `-`; raises UnacceptableImportError.

    What cannot be read twice is copied to a temporary file without a name.
    """
    try:
        with sys.stdin.buffer if str(path) == "-" else path.open("rb") as file:
            if file.seekable() and str(path) != "-":
                yield file
                return
            with tempfile.TemporaryFile() as copy:
                shutil.copyfileobj(file, copy)
                yield copy
    except OSError as error:
        raise UnacceptableImportError(f"{path} cannot be read: {error.strerror}") from None


def _is_never_outside(_email_key: str) -> bool:
    return False


def check(
    file: BinaryIO,
    file_format: FileFormat,
    invalid: InvalidLines,
    *,
    is_outside: Callable[[str], bool] = _is_never_outside,
    progress_to: TextIO = sys.stderr,
) -> CheckResult:
    """Check every line; raises UnacceptableImportError for another kind of file.

    `is_outside` tells whether an address, by its key, belongs to none of the installation's domains.
    """
    valid = outside = 0
    progress = Progress("checking", _size(file), progress_to)
    with closing(_Addresses()) as addresses:
        for line in read_lines(file, file_format):
            errors = line.errors or addresses.errors_of(line)
            if errors:
                invalid.add(line, errors)
            else:
                assert line.user is not None
                valid += 1
                outside += is_outside(line.user.email_key)
            if line.number % BATCH_SIZE == 0:
                progress.update(file.tell(), valid)
    progress.finish(valid)
    return CheckResult(valid, invalid.lines, outside)


def import_users(
    database: Database,
    file: BinaryIO,
    file_format: FileFormat,
    checked: CheckResult,
    *,
    progress_to: TextIO = sys.stderr,
) -> ImportResult:
    """Create the missing accounts of a checked file's valid lines in small transactions.

    Safe to interrupt and to repeat. Raises DatabaseUnavailableError and ImportContendedError.
    """
    created = users = 0
    progress = Progress("importing", _size(file), progress_to)
    # While one batch is written, the next is read: the server and this process are busy in turn otherwise.
    with ThreadPoolExecutor(1) as writer:
        written: Future[int] | None = None
        for batch in _batches(read_lines(file, file_format)):
            following = writer.submit(_create, database, batch)
            created += 0 if written is None else written.result()
            written = following
            users += len(batch)
            progress.update(file.tell(), users)
        created += 0 if written is None else written.result()
    progress.finish(users)
    return ImportResult(created, checked.valid - created)


def _batches(lines: Iterator[UserLine]) -> Iterator[Sequence[BulkAccount]]:
    """Yield the valid lines, the first of each address, as the check reported."""
    batch: dict[str, BulkAccount] = {}
    for line in lines:
        if line.user is not None:
            account = line.user.account()
            batch.setdefault(account.email_key, account)
            if len(batch) == BATCH_SIZE:
                yield list(batch.values())
                batch = {}
    if batch:
        yield list(batch.values())


def _create(database: Database, batch: Sequence[BulkAccount]) -> int:
    work = partial(create_missing, accounts=batch, action=AuditAction.ACCOUNT_IMPORTED)
    for _ in range(_MAX_ATTEMPTS):
        try:
            return database.write_now(work)
        except EmailTakenError:  # this address is being registered at this moment
            continue
    raise ImportContendedError(
        "users of the file are being created at the same time, perhaps by another import; repeat this one,"
        " which continues where it ended"
    )


class _Addresses:
    """The addresses of a file, in a temporary database on the disk: memory stays flat."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("CREATE TABLE seen (email_key TEXT PRIMARY KEY, line INT) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def errors_of(self, line: UserLine) -> Sequence[str]:
        """Return an error if an earlier line has the address of this one."""
        assert line.user is not None
        key = line.user.email_key
        added = self._database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (key, line.number))
        if added.rowcount:
            return ()
        [first] = self._database.execute("SELECT line FROM seen WHERE email_key = ?", (key,)).fetchone()
        return [f"the address of line {first} again"]

    def close(self) -> None:
        self._database.close()


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size
