"""Migrate databases in processes of their own, all at once or killed half-way; run by the tests.

Usage: python migrate_together.py MODE URL..., MODE being the number of processes that migrate each
database at the same moment, or `kill:SEED`: then the first database is migrated as a whole, and the others
are killed at some moment within the time that this took. The modules are imported once and the processes
forked, so that the moments are the migration's own and not the interpreter's start.
"""

import os
import random
import signal
import sys
import time
import traceback

from doorward_identity.schema import PACKAGE
from doorward_kit.database import create_engine
from doorward_kit.migrations import migrate

_TIMEOUT_SECONDS = 25


def run(url: str, start_at: float) -> int:
    """Fork a process that migrates at a moment; return its id."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        time.sleep(max(0.0, start_at - time.monotonic()))
        engine = create_engine(url, pool_size=1, timeout=_TIMEOUT_SECONDS)
        migrate(engine, PACKAGE)
        status = 0
    except Exception:  # noqa: BLE001 - the child must not go on with its parent's loop
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(status)


def main() -> int:
    """Do as the usage says; return how many processes failed."""
    mode, *urls = sys.argv[1:]
    if mode.startswith("kill:"):
        chance = random.Random(mode)
        measured, *others = urls
        began = time.monotonic()
        if os.waitpid(run(measured, 0.0), 0)[1] != 0:
            return 1
        whole = time.monotonic() - began
        for url in others:
            child = run(url, 0.0)
            time.sleep(chance.uniform(0, whole))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        return 0
    failed = 0
    for url in urls:
        start_at = time.monotonic() + 0.05
        children = [run(url, start_at) for _ in range(int(mode))]
        failed += sum(os.waitpid(child, 0)[1] != 0 for child in children)
    return failed


if __name__ == "__main__":
    sys.exit(main())
