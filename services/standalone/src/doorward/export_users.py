"""`doorward export-users`: all users, as `doorward import-users` reads them."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, TextIO

import sqlalchemy as sa

from doorward.progress import Progress
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.tables import users
from doorward_identity.user_export import FileFormat, header, read_page
from doorward_kit.unit_of_work import Database

PAGE_SIZE: Final = 1_000


class UnwritableExportError(Exception):
    """The file of an export cannot be written."""


@contextmanager
def created(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing, or standard output for `-`; raises UnwritableExportError.

    The file has its name when it is complete. It is for its owner alone.
    """
    if str(path) == "-":
        try:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        except OSError as error:
            # Python would write at its end what is left, and complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise UnwritableExportError(f"standard output cannot be written: {error.strerror}") from None
        return
    part = None
    try:
        # A new file with a random name, so that it is neither another user's link nor a file with another
        # mode.
        descriptor, part = tempfile.mkstemp(".part", f"{path.name}.", path.parent)
        with os.fdopen(descriptor, "wb") as file:
            yield file
        Path(part).replace(path)
    except OSError as error:
        raise UnwritableExportError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        if part is not None:
            Path(part).unlink(missing_ok=True)


def export_users(
    database: Database,
    file: BinaryIO,
    file_format: FileFormat,
    *,
    with_hashes: bool,
    progress_to: TextIO = sys.stderr,
) -> int:
    """Write all users, a page of them at a time; return their number. Raises DatabaseUnavailableError."""
    details = {"format": file_format.value, "password_hashes": with_hashes}
    action = AuditAction.DIRECTORY_EXPORTED_BY_COMMAND
    database.write_now(partial(record, action=action, actor=None, target=None, details=details))
    total = database.read_now(_count)
    progress = Progress("exporting", total, progress_to)
    file.write(header(file_format, with_hashes=with_hashes))
    done, last_id = 0, None
    while True:
        page = database.read_now(
            partial(
                read_page, file_format=file_format, after=last_id, count=PAGE_SIZE, with_hashes=with_hashes
            )
        )
        file.write(page.text)
        done += page.users
        progress.update(done, done)
        last_id = page.last_id
        if last_id is None:
            break
    progress.finish(done)
    return done


def _count(connection: sa.Connection) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(users)).scalar_one()
