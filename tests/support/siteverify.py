"""A captcha's service for tests, in a process of its own: what it was asked, and how it is to behave."""

import json
import sys
from pathlib import Path
from typing import Any, Final

from support.ports import free_port
from support.probes import accepts
from support.processes import Process

SECRET: Final = "captcha-secret-of-the-tests"

_SCRIPT: Final = Path(__file__).with_name("siteverify_process.py")


class SiteVerify(Process):
    """Takes tokens that begin with `good`, each once, from whoever knows the secret."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/siteverify"
        self._record = folder / "siteverify.jsonl"
        self._behaviour = folder / "siteverify.json"
        self.behave()
        super().__init__(
            "siteverify",
            [sys.executable, _SCRIPT, str(self.port), SECRET, self._record, self._behaviour],
            log=folder / "siteverify.log",
            ready=lambda: accepts(self.port),
        )

    def behave(self, *, status: int = 200, body: str | None = None, delay: float = 0.0) -> None:
        """Answer from now on with this status, this body instead of a verdict, and after so many seconds."""
        new = self._behaviour.with_suffix(".new")
        new.write_text(json.dumps({"status": status, "body": body, "delay": delay}), encoding="utf-8")
        new.replace(self._behaviour)

    def asked(self) -> list[dict[str, Any]]:
        """Return the forms that it was sent, in order, with the media type as `content_type`."""
        if not self._record.exists():
            return []
        return [json.loads(line) for line in self._record.read_text(encoding="utf-8").splitlines()]
