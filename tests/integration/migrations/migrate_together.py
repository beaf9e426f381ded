"""Migrate databases in separate processes, in parallel or killed half-way; run by the tests.

Usage: python migrate_together.py MODE URL..., MODE being the number of processes that migrate each
database at the same moment, or `kill:N,N...`: one process for each database, killed before its Nth
statement of DDL. The modules are imported once and the processes forked, so that the moments are the
migration's own and not the interpreter's start.
"""

import os
import signal
import sys
import time
import traceback

import sqlalchemy as sa

from doorward_identity.schema import PACKAGE
from doorward_kit.database import create_engine
from doorward_kit.migrations import migrate

_TIMEOUT_SECONDS = 25


def run(url: str, start_at: float, *, killed_at: int | None = None) -> int:
    """Fork a process that migrates at a given time; return its id."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        time.sleep(max(0.0, start_at - time.monotonic()))
        engine = create_engine(url, pool_size=1, timeout=_TIMEOUT_SECONDS)
        if killed_at is not None:
            _kill_at(engine, killed_at)
        migrate(engine, PACKAGE)
        status = 0
    except Exception:  # noqa: BLE001 - the child must not go on with its parent's loop
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(status)


def _kill_at(engine: sa.Engine, statement_number: int) -> None:
    left = statement_number

    @sa.event.listens_for(engine, "before_cursor_execute")
    def count(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        nonlocal left
        if statement.lstrip().upper().startswith(("CREATE", "INSERT INTO ALEMBIC_VERSION")):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    """Run as described above; return the number of processes that failed or were not killed."""
    mode, *urls = sys.argv[1:]
    if mode.startswith("kill:"):
        numbers = [int(number) for number in mode.removeprefix("kill:").split(",")]
        children = [run(url, 0.0, killed_at=number) for url, number in zip(urls, numbers, strict=True)]
        return sum(os.waitpid(child, 0)[1] != signal.SIGKILL for child in children)
    failed = 0
    for url in urls:
        start_at = time.monotonic() + 0.05
        children = [run(url, start_at) for _ in range(int(mode))]
        failed += sum(os.waitpid(child, 0)[1] != 0 for child in children)
    return failed


if __name__ == "__main__":
    sys.exit(main())
