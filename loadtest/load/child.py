"""locust as a process of its own: what it does to the standard library stays there."""

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
def interruptible() -> Iterator[None]:
    """Let SIGTERM be what Ctrl-C is, so that whoever ends a CI job leaves nothing running either."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run_locust(arguments: Sequence[str], env: Mapping[str, str]) -> int:
    """Run locust with our locustfile; return its exit status, or 130 after an interruption.

    `env` is added to the environment. Interrupted, locust ends as it always does: it stops its users,
    removes its people and writes the report; that is waited for.
    """
    command = [sys.executable, "-m", "locust", "-f", str(FOLDER / "locustfile.py"), *arguments]
    interrupted = False
    with subprocess.Popen(
        command,
        env={**os.environ, **env, "PYTHONPATH": str(FOLDER)},
        # A terminal sends Ctrl-C to everybody in it: locust would get it twice, and the second in the
        # middle of cleaning up.
        start_new_session=True,
        stdin=subprocess.DEVNULL,
    ) as child:

        def pass_on(_number: int, _frame: FrameType | None) -> None:
            nonlocal interrupted
            interrupted = True
            child.send_signal(signal.SIGINT)

        before = {number: signal.signal(number, pass_on) for number in _SIGNALS}
        try:
            status = child.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    return INTERRUPTED if interrupted else status
