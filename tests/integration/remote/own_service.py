"""The example of docs/examples/own_service as a process, started as its README says."""

import sys
import time
from pathlib import Path
from typing import Final

import httpx2

from integration.harness.revocation_reads import RevocationReads
from support.ports import free_port
from support.probes import http_status
from support.processes import Process

EXAMPLE: Final = Path(__file__).parents[3] / "docs" / "examples" / "own_service"
REPORTS: Final = "/reports"


class OwnService(Process):
    """A service configured only with the URL of auth and its client id and secret.

    It counts as started when it listens; tests check its /readyz themselves.
    """

    def __init__(self, log: Path, *, auth_url: str, client: tuple[str, str], **env: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__(
            "own service",
            [sys.executable, "-m", "uvicorn", "--app-dir", EXAMPLE, "app:app", "--port", str(self.port)],
            log=log,
            ready=lambda: http_status(self.port, "/readyz") is not None,
            env={
                "DOORWARD_AUTH_URL": auth_url,
                "DOORWARD_CLIENT_ID": client[0],
                "DOORWARD_CLIENT_SECRET": client[1],
                **env,
            },
        )

    def ask(self, method: str, path: str, token: str | None = None) -> httpx2.Response:
        """Send one request on a new connection."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx2.request(method, self.url + path, headers=headers, timeout=20.0, trust_env=False)

    def status(self, token: str) -> int:
        """Return the status of a read request."""
        return self.ask("GET", REPORTS, token).status_code

    def wait_until_rejected(self, token: str) -> None:
        """Wait until it rejects an access token that was revoked.

        Fails the test when the token is accepted though the list of revocations was read since.
        """
        reads = RevocationReads()
        while True:
            may_be_accepted = reads.may_be_accepted()
            if self.status(token) == 401:
                return
            assert may_be_accepted, f"{self.name} has read the list and still accepts the token"
            asked_at = time.monotonic()
            reads.note(self.ask("GET", "/metrics").text, asked_at=asked_at)
            time.sleep(0.02)

    def readiness(self) -> tuple[int, str]:
        """Return the status and text of its readiness probe."""
        response = self.ask("GET", "/readyz")
        return response.status_code, response.json()["status"]

    def metric(self, name: str) -> float:
        """Read a metric without labels."""
        [line] = [
            line for line in self.ask("GET", "/metrics").text.splitlines() if line.startswith(f"{name} ")
        ]
        return float(line.split()[1])
