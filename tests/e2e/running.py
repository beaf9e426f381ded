"""Runs the end-to-end suite as a process, against the server of `make run` and a fake one."""

import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Final

import httpx2

import support.standalone
from support.processes import inherited_environment
from support.serving import serving

PASSWORD: Final = "the analytical engine"
TESTS: Final = Path(__file__).parents[1]


class Standalone(support.standalone.Standalone):
    """The server of `make run` with a known administrator password."""

    def __init__(self, folder: Path, **env: str) -> None:
        super().__init__(folder, None, **{"DOORWARD_ADMIN_PASSWORD": PASSWORD, **env})

    def rows(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Query its database."""
        with closing(sqlite3.connect(self.data / "doorward.db")) as connection:
            return connection.execute(statement, values).fetchall()


def started(base_url: str, **env: str) -> subprocess.Popen[str]:
    """Start the suite as `make e2e` does."""
    return subprocess.Popen(
        [sys.executable, "-m", "e2e"],
        env={
            **inherited_environment(),
            "PYTHONPATH": str(TESTS),
            "BASE_URL": base_url,
            "ADMIN_PASSWORD": PASSWORD,
            **env,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_suite(base_url: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the suite to its end."""
    with started(base_url, **env) as process:
        said, errors = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, said, errors)


def run_of(done: subprocess.CompletedProcess[str]) -> str:
    """Return the run id that the addresses of a run's users contain."""
    found = re.search(r"the users are named e2e-([0-9a-f]{8})-", done.stdout)
    assert found is not None, done.stdout
    return found[1]


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """Answer every GET with 200 and the same body, like another server at the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            pass

    with serving(Handler) as url:
        yield url


def people(standalone: Standalone) -> list[str]:
    api = f"{standalone.url}/api/v1"
    login = {"email": "admin@example.com", "password": PASSWORD}
    token = httpx2.post(f"{api}/auth/token", json=login).json()["access_token"]
    users = httpx2.get(f"{api}/users", headers={"Authorization": f"Bearer {token}"})
    return [user["email"] for user in users.json()["items"]]
