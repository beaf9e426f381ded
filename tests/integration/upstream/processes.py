"""Starts the scripts of this folder as processes, and reads what they said."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from support.preloaded import PreloadedProcess
from support.processes import Process


class ForkedScript(Process):
    """A script of this folder as a process, forked from one that has imported the services."""

    def __init__(self, name: str, arguments: Sequence[object], *, folder: Path) -> None:
        self._package = f"integration.upstream.{name}"
        self._arguments = [str(argument) for argument in arguments]
        log = folder / f"{name}-{uuid.uuid4().hex[:8]}.log"
        super().__init__(name, [self._package, *self._arguments], log=log, ready=lambda: True)

    def _spawn(self, output: IO[bytes]) -> PreloadedProcess:
        return PreloadedProcess(self._package, self._arguments, env=self.env, stdout=output)


@dataclass(frozen=True)
class Asking:
    """The arguments of several processes that send the same request."""

    url: str
    keys: Path
    port: int
    folder: Path

    def process(
        self, grant: uuid.UUID, *, processes: int = 1, calls: int = 1, is_reusable: bool = False
    ) -> ForkedScript:
        """Return a process that forks `processes` others, each with `calls` callers."""
        options = ["reusable"] if is_reusable else []
        arguments = [self.url, self.keys, self.port, grant, processes, calls, *options]
        return ForkedScript("ask_together", arguments, folder=self.folder)


def wait_until_asking(process: Process, count: int = 1) -> None:
    """Wait until a number of processes has begun to ask."""
    while len(process.wait_for_log("asking")) < count:
        pass


def reports(process: Process, count: int = 1) -> list[dict[str, Any]]:
    """Wait for what a number of processes reports in the end."""
    while len(lines := process.wait_for_log('{"answers"')) < count:
        pass
    return [json.loads(line) for line in lines]
