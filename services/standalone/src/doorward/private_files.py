"""Files that only their owner may read: databases, keys and mail of earlier starts, too.

`umask` makes new files private. A data directory of before that, or a copied one, is as open as it was.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import sqlalchemy as sa
import structlog

from doorward.local_defaults import (
    data_directory,
    is_data_directory_named,
    local_key_set,
    local_oidc_key_set,
    local_vault_keys,
)
from doorward.settings import StandaloneSettings

log = structlog.get_logger(__name__)

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_DATABASE_FILES: Final = ("", "-wal", "-shm", "-journal")


def make_private(settings: StandaloneSettings) -> None:
    """Take the rights of the group and of others from what an earlier start has left.

    What belongs to another user, such as a volume of a container, stays as it is and is logged.
    """
    for path in _paths(settings):
        try:
            _close(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            log.warning("data.not_private", path=str(path), error=error.strerror)


def _close(path: Path) -> None:
    """Take the rights from a file or folder; raises OSError for a symbolic link that is open to others."""
    if not path.lstat().st_mode & _OTHERS:
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fchmod(descriptor, stat.S_IMODE(os.fstat(descriptor).st_mode) & ~_OTHERS)
    finally:
        os.close(descriptor)


def _paths(settings: StandaloneSettings) -> Iterator[Path]:
    """Yield Doorward's own paths. Folders and files of keys that a setting names are the operator's.

    A named folder may be shared (`/tmp`, `/srv`): Doorward's files in it are private, and it stays as it is.
    """
    folder = data_directory().resolve()
    if not is_data_directory_named():
        yield folder
    yield from (local_key_set(), local_oidc_key_set(), local_vault_keys())
    for url in (settings.database_url, settings.tickets_database_url):
        parsed = sa.make_url(url.get_secret_value())
        if parsed.get_backend_name() == "sqlite" and parsed.database:
            yield from (Path(parsed.database + suffix) for suffix in _DATABASE_FILES)
    if settings.mailbox_dir is not None:
        mailbox = Path(settings.mailbox_dir).resolve()
        if mailbox.parent == folder:
            yield mailbox
        yield from mailbox.glob("*.eml")
