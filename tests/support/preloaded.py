"""Our own programs as processes of their own, forked from one that has imported them.

Most of a start is importing, which takes a second of processor time, and the tests start hundreds. A forked
process runs `python -m PACKAGE` from there on: with its own arguments, environment, session and output. Some
tests start the interpreter itself (test_serve.py, test_commands.py), so that this is tested as well.
"""

import contextlib
import functools
import importlib
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext
from pathlib import Path
from types import ModuleType
from typing import IO, Final

from support import reaper

Constants = Mapping[tuple[ModuleType, str], float]
"""Values for constants of modules, for tests in which a busy machine must not count."""

_IMPORTED_LAST: Final = "support.imported_once"
_PRELOADED: Final = [
    "doorward_auth.main",
    "doorward_users.main",
    "doorward_tickets.main",
    "doorward.serve",
    "support.preloaded",
    _IMPORTED_LAST,
]


class PreloadedProcess:
    """A forked process with what tests use of `subprocess.Popen`."""

    def __init__(
        self,
        package: str,
        arguments: Sequence[str] = (),
        *,
        env: Mapping[str, str],
        stdout: IO[bytes],
        stderr: IO[bytes] | None = None,
        constants: Constants | None = None,
    ) -> None:
        changes = {(module.__name__, name): value for (module, name), value in (constants or {}).items()}
        outputs = [_path_of(stream) for stream in (stdout, stderr or stdout)]
        registry = f"/proc/{os.getpid()}/fd/{reaper.registry()}"
        self._process = _fork_context().Process(
            target=_run, args=(package, list(arguments), dict(env), outputs, registry, changes)
        )
        self._process.start()
        assert self._process.pid is not None
        self.pid: Final = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; raises TimeoutExpired as `subprocess.Popen.wait` does."""
        wait([self._process.sentinel], timeout)
        self._process.join(0)
        status = self._process.exitcode
        if status is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def run(
    package: str, arguments: Sequence[str], *, env: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run `python -m PACKAGE ARGUMENTS` to its end, and return its status and outputs."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = PreloadedProcess(package, arguments, env=env, stdout=stdout, stderr=stderr)
        try:
            status = process.wait(timeout)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            reaper.forget(process.pid)
        texts = []
        for stream in (stdout, stderr):
            stream.seek(0)
            texts.append(stream.read().decode("utf-8"))
        return subprocess.CompletedProcess([package, *arguments], status, *texts)


def _path_of(stream: IO[bytes]) -> str:
    """Return a path under which the forked process can open a file, which the caller may close at once."""
    has_name = isinstance(stream.name, str)
    return stream.name if has_name else f"/proc/{os.getpid()}/fd/{stream.fileno()}"


@functools.cache
def _fork_context() -> ForkServerContext:
    """Start the process that forks, which older Pythons do not tell the path of our own modules."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    paths = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    try:
        forkserver.ensure_running()
    finally:
        if paths is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = paths
    return context


def _run(
    package: str,
    arguments: list[str],
    env: dict[str, str],
    outputs: list[str],
    registry: str,
    constants: dict[tuple[str, str], float],
) -> None:
    """Become `python -m PACKAGE`, in the forked process."""
    os.setsid()
    with Path(registry).open("wb") as file:
        file.write(f"group {os.getpid()}\n".encode("ascii"))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    for target, path in enumerate(outputs, start=1):
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
        os.dup2(descriptor, target)
        os.close(descriptor)
    # Generators that imported modules made would give every process the same numbers.
    for generator in sys.modules[_IMPORTED_LAST].GENERATORS:
        generator.seed()
    for (module, name), value in constants.items():
        setattr(importlib.import_module(module), name, value)
    sys.argv = [package, *arguments]
    runpy.run_module(package, run_name="__main__", alter_sys=True)
