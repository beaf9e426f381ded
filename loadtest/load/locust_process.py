"""Runs locust in its own process, because it patches the standard library."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

INTERRUPTED: Final = 130
FOLDER: Final = Path(__file__).parents[1]

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C, so that a cancelled CI job leaves nothing running."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run_locust(arguments: Sequence[str], env: Mapping[str, str]) -> int:
    """Run locust with our locustfile; return its exit status, or 130 after an interruption.

    `env` is added to the environment. After an interruption this waits for locust, which stops its
    users, removes the test accounts and writes the report.
    """
    command = [sys.executable, "-m", "locust", "-f", str(FOLDER / "locustfile.py"), *arguments]
    interrupted = False
    with subprocess.Popen(
        command,
        env={**os.environ, **env, "PYTHONPATH": str(FOLDER)},
        # A terminal sends Ctrl-C to its whole process group. locust would get the signal twice, the
        # second time while it removes the accounts.
        start_new_session=True,
        stdin=subprocess.DEVNULL,
    ) as process:

        def interrupt(_number: int, _frame: FrameType | None) -> None:
            nonlocal interrupted
            interrupted = True
            process.send_signal(signal.SIGINT)

        before = {number: signal.signal(number, interrupt) for number in _SIGNALS}
        try:
            status = process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    return INTERRUPTED if interrupted else status
