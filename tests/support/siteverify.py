"""A fake captcha provider in a separate process, with recorded requests and controlled behaviour."""

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
    """Accepts tokens that begin with `good`, each once, in requests with the right secret."""

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
        """Respond from now on with a status, a body instead of a verdict, and a delay."""
        new = self._behaviour.with_suffix(".new")
        new.write_text(json.dumps({"status": status, "body": body, "delay": delay}), encoding="utf-8")
        new.replace(self._behaviour)

    def asked(self) -> list[dict[str, Any]]:
        """Return the received forms in order, with the media type as `content_type`."""
        if not self._record.exists():
            return []
        return [json.loads(line) for line in self._record.read_text(encoding="utf-8").splitlines()]
