"""No statement for a caller who has gone: work whose deadline has passed stops at its next statement.

Otherwise it would keep a thread, a connection and its locks for as long as it takes, and on SQLite every
writer, after its caller has been told that it failed.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy as sa

_INSTRUCTIONS: Final = 10_000
"""Of SQLite's virtual machine between two looks at the clock: some hundred microseconds."""


class DeadlinePassedError(Exception):
    """The caller of a unit of work has already been told that it failed."""


class StatementDeadlines:
    """Refuses the statements of a thread after its deadline, and interrupts running ones on SQLite.

    MariaDB interrupts them itself (see `create_engine`).
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._of_thread = threading.local()
        sa.event.listen(engine, "before_cursor_execute", self._require_time)
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
        if self._has_passed():
            raise DeadlinePassedError

    def _interrupt(self, connection: Any, _entry: Any) -> None:
        connection.set_progress_handler(self._has_passed, _INSTRUCTIONS)
