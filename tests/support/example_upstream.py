"""The example of docs/examples/upstream as the real process that it is."""

import json
import sys
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen

from support.ports import free_port
from support.probes import http_status
from support.processes import Process

FOLDER: Final = Path(__file__).parents[2] / "docs" / "examples" / "upstream"


class ExampleUpstream(Process):
    """Forgets everything when it restarts."""

    def __init__(self, folder: Path, *, access_seconds: int = 60) -> None:
        self.port = free_port()
        super().__init__(
            "example-upstream",
            [sys.executable, FOLDER / "api.py", str(self.port)],
            log=folder / "example-upstream.log",
            ready=lambda: http_status(self.port, "/control") == 200,
            env={"EXAMPLE_ACCESS_SECONDS": str(access_seconds)},
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def settings(self, **changes: Any) -> dict[str, Any]:
        """The settings of the example for this process's port."""
        document = json.loads((FOLDER / "upstreams.json").read_text(encoding="utf-8"))
        return {**document["theapi"], "base_url": self.url, **changes}

    def will(self, mode: str, **details: Any) -> None:
        """Fail from now on: `path`, `times`, `seconds`, `after` as the example describes them."""
        self._post("/control", {"mode": mode, **details})

    def revoke_all(self) -> None:
        """Revoke every refresh token."""
        self._post("/control/revoke", {})

    def requests(self) -> dict[str, int]:
        """The number of requests by path."""
        with urlopen(f"{self.url}/control", timeout=10) as answer:
            found: dict[str, int] = json.load(answer)["requests"]
            return found

    def _post(self, path: str, body: dict[str, Any]) -> None:
        with urlopen(Request(self.url + path, json.dumps(body).encode()), timeout=10) as answer:
            answer.read()
