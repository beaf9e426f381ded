"""A file that is read again when its content has changed."""

from pathlib import Path
from typing import Final

POLL_INTERVAL_SECONDS: Final = 1.0
"""Kubernetes replaces the files of a mounted Secret by switching a symbolic link, which a watch on the file
does not notice. So the file is read each second."""


class WatchedFile:
    """Remembers what was read last, so that a change and a failure are each reported once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: bytes | None = None
        self._is_unreadable = False

    def read_change(self) -> bytes | None:
        """Return the content if it differs from the last one, else None.

        Raises OSError for the first of several failures in a row; the next ones return None.
        """
        try:
            content = self._path.read_bytes()
        except OSError:
            is_known, self._is_unreadable = self._is_unreadable, True
            if is_known:
                return None
            raise
        self._is_unreadable = False
        if content == self._last:
            return None
        self._last = content
        return content
