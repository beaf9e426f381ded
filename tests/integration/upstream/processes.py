"""Starts `ask_together.py`, and reads what it said."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from support.preloaded import PreloadedProcess
from support.processes import Process

_PACKAGE: Final = "integration.upstream.ask_together"


class AskingProcess(Process):
    """A process that forks others, which ask."""

    def __init__(self, arguments: Sequence[object], *, log: Path) -> None:
        self._arguments = [str(one) for one in arguments]
        super().__init__(_PACKAGE, [_PACKAGE, *self._arguments], log=log, ready=lambda: True)

    def _spawn(self, output: IO[bytes]) -> PreloadedProcess:
        return PreloadedProcess(_PACKAGE, self._arguments, env=self.env, stdout=output)


@dataclass(frozen=True)
class Asking:
    """What several processes need to ask the same question."""

    url: str
    keys: Path
    port: int
    folder: Path

    def process(
        self, grant: uuid.UUID, *, processes: int = 1, calls: int = 1, is_reusable: bool = False
    ) -> AskingProcess:
        """Return a process that forks `processes` others, each with `calls` callers."""
        options = ["reusable"] if is_reusable else []
        arguments = [self.url, self.keys, self.port, grant, processes, calls, *options]
        return AskingProcess(arguments, log=self.folder / f"asking-{uuid.uuid4().hex[:8]}.log")


def wait_until_asking(process: Process, count: int = 1) -> None:
    """Wait until a number of processes has begun to ask."""
    while len(process.wait_for_log("asking")) < count:
        pass


def reports(process: Process, count: int = 1) -> list[dict[str, Any]]:
    """Wait for what a number of processes reports in the end."""
    while len(lines := process.wait_for_log('{"answers"')) < count:
        pass
    return [json.loads(line) for line in lines]
