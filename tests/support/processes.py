"""Server processes: start, wait until ready, stop, kill and freeze."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, ClassVar, Final, Self

from support import reaper
from support.preloaded import PreloadedProcess

_POLL_SECONDS: Final = 0.02
_FREEZE_SECONDS: Final = 5.0
_LOG_TAIL_CHARACTERS: Final = 4_000


class ProcessError(RuntimeError):
    """A process did not become ready, or did not stop; the message ends with its log's tail."""


class Process:
    """One server process in its own process group, with its output in a log file.

    The group matters for servers that fork (NGINX): kill9() and freeze() reach every member, as a
    dead or hung machine would. The reaper ends a group that outlives this process.
    """

    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM  # what asks for a graceful stop

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        ready: Callable[[], bool],
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.command = [str(part) for part in command]
        self.log = log
        # Only PATH and the like are inherited: a DOORWARD_ or MYSQL_ variable of a shell must not
        # change a test.
        self.env = {**inherited_environment(), **(env or {})}
        self._ready = ready
        self._child: subprocess.Popen[bytes] | PreloadedProcess | None = None

    @property
    def pid(self) -> int:
        """The leader's process id; raises ProcessError when it was never started or was stopped."""
        return self._running_child().pid

    @property
    def alive(self) -> bool:
        """Whether the leader runs (a frozen process is alive)."""
        return self._child is not None and self._child.poll() is None

    def start(self, timeout: float = 90.0) -> Self:
        """Start and wait until ready; raises ProcessError when that takes `timeout` seconds."""
        if self.alive:
            raise ProcessError(f"{self.name} runs already")
        with self.log.open("ab") as output:
            child = self._spawn(output)
        self._child = child
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if child.poll() is not None:
                raise self._failure(f"ended at once with status {child.returncode}")
            if self._ready():
                return self
            time.sleep(_POLL_SECONDS)
        self.kill9()
        raise self._failure(f"was not ready within {timeout} s")

    def stop(self, grace: float = 18.0) -> int:
        """Ask it to stop, wait for `grace` seconds, then SIGKILL; return the exit status.

        A process that had to be killed is an error: every server here promises a graceful stop.
        """
        if self._child is None:
            return 0
        child = self._child
        if child.poll() is None:
            self.thaw()
            child.send_signal(self.stop_signal)
            try:
                child.wait(grace)
            except subprocess.TimeoutExpired:
                self.kill9()
                failure = self._failure(f"did not stop within {grace} s of {self.stop_signal.name}")
                raise failure from None
        self._child = None
        reaper.forget(child.pid)
        status = child.poll()
        assert status is not None  # it has ended
        return status

    def restart(self, timeout: float = 90.0) -> Self:
        """Stop (when it runs) and start again with the same command, port and data."""
        self.stop()
        return self.start(timeout)

    def kill9(self) -> None:
        """Kill the whole group, like a crash or a power failure."""
        child = self._running_child()
        self.send(signal.SIGKILL)
        child.wait(10)
        self._child = None
        reaper.forget(child.pid)
        # Workers die a moment after their leader. Bounded, because without an init they stay zombies.
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline and _group_exists(child.pid):
            time.sleep(_POLL_SECONDS)

    def freeze(self) -> None:
        """Freeze the whole group, and wait until it stands: connections stay open without responses."""
        self.send(signal.SIGSTOP)
        deadline = time.monotonic() + _FREEZE_SECONDS
        while not _is_stopped(self._running_child().pid) and time.monotonic() < deadline:
            time.sleep(0.001)

    def thaw(self) -> None:
        """Resume a frozen group."""
        self.send(signal.SIGCONT)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the whole group; a group that has ended is no error."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._running_child().pid, number)

    def log_position(self) -> int:
        """Return the end of its log, for `wait_for_log` of what follows."""
        return self.log.stat().st_size if self.log.exists() else 0

    def log_text(self, start: int = 0) -> str:
        """Its output to stdout and stderr since its first start, or since a position.

        Processes that share a file have one log.
        """
        return self.log.read_bytes()[start:].decode("utf-8", "replace") if self.log.exists() else ""

    def wait_for_log(self, text: str, timeout: float = 60.0, *, start: int = 0) -> list[str]:
        """Wait for a log line that contains the text; return all such lines, or those since a position.

        Servers log a request after its response, so the line may appear later. A text that earlier tests let
        the process log needs a position from before what is tested.
        """
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            lines = [line for line in self.log_text(start).splitlines() if text in line]
            if lines:
                return lines
            time.sleep(_POLL_SECONDS)
        raise self._failure(f"did not log {text!r} within {timeout} s")

    def __enter__(self) -> Self:
        return self if self.alive else self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _spawn(self, output: IO[bytes]) -> "subprocess.Popen[bytes] | PreloadedProcess":
        """Start the process; subclasses may start it otherwise."""
        return subprocess.Popen(
            reaper.command(self.command),
            env=self.env,
            stdin=reaper.registry(),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _running_child(self) -> "subprocess.Popen[bytes] | PreloadedProcess":
        if self._child is None:
            raise ProcessError(f"{self.name} is not running")
        return self._child

    def _failure(self, what: str) -> ProcessError:
        return ProcessError(f"{self.name} {what}\n{self.log_text()[-_LOG_TAIL_CHARACTERS:]}")


def _group_exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def inherited_environment() -> dict[str, str]:
    """The few variables that every child gets from the developer's environment."""
    kept = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "TMPDIR", "VIRTUAL_ENV")
    found = {name: os.environ[name] for name in kept if name in os.environ}
    return {"PATH": search_path(), **found}


def processor_seconds(pid: int) -> float:
    """Read the processor time of another process; 0 where the system does not tell."""
    if sys.platform != "linux":
        return 0.0
    # CPUCLOCK_SCHED of the whole process: the clock that clock_getcpuclockid(3) names.
    return time.clock_gettime((~pid << 3) | 2)


def search_path() -> str:
    """PATH and the system folders where Debian keeps servers, which users often lack in PATH."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def _is_stopped(pid: int) -> bool:
    """Tell whether every thread of a process is stopped; always where there is no /proc."""
    states: set[str] = set()
    for path in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(OSError):  # a thread that ended meanwhile
            states.add(path.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0])
    return states <= {"T"}
