"""All services in one process, as started by `make run`."""

import re
import sys
from pathlib import Path
from typing import IO

from support.ports import free_port
from support.preloaded import PreloadedProcess
from support.probes import http_status
from support.processes import Process
from support.services import CHEAP_HASHES, NO_REJECTION_DELAY, PATIENT, run_command


class Standalone(Process):
    """`doorward serve` on SQLite in an empty folder; `env` overrides the settings here."""

    def __init__(self, folder: Path, port: int | None = None, **env: str) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data = folder / "var"
        self.mailbox = self.data / "mailbox"
        super().__init__(
            "doorward serve",
            [sys.executable, "-m", "doorward", "serve"],
            log=folder / "serve.log",
            ready=lambda: http_status(self.port, "/readyz") == 200,
            env={
                "DOORWARD_DATA_DIR": str(self.data),
                "DOORWARD_PORT": str(self.port),
                "DOORWARD_ARGON2_MEMORY_KIB": "64",
                **NO_REJECTION_DELAY,
                **PATIENT,
                **env,
            },
        )

    def run(self, command: str, *words: str, **env: str) -> str:
        """Run a command of `doorward` with its data, and return the output; raises if it fails."""
        return run_command(command, {"DOORWARD_DATA_DIR": str(self.data), **CHEAP_HASHES, **env}, *words)

    def register(self, documented: str) -> str:
        """Run a documented `doorward client add`; return the secret, or the client id of a public client."""
        program, *words = documented.split()
        assert program == "doorward"
        return self.run(*words).split()[-1]

    def _spawn(self, output: IO[bytes]) -> PreloadedProcess:
        return PreloadedProcess("doorward", self.command[3:], env=self.env, stdout=output)

    @property
    def mailbox_page(self) -> str:
        """The address of the pages that show its mail, as it printed it."""
        found = re.search(r"Mail that it sends +(\S+)", self.log_text())
        assert found is not None, self.log_text()
        return found[1]
