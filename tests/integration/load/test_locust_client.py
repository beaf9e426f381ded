"""Which responses locust counts as success, error, rejection or expired token."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final

import pytest

from support.ports import free_port
from support.processes import inherited_environment
from support.requirements import need_package
from support.serving import serving

LOADTEST: Final = Path(__file__).parents[3] / "loadtest"
# Status, code and whether there is a Retry-After, by path.
RESPONSES: Final[Mapping[str, tuple[int, str, bool]]] = {
    "/ok": (200, "", False),
    "/unchanged": (304, "", False),
    "/overloaded": (503, "overloaded", True),
    "/overloaded-without-retry-after": (503, "overloaded", False),
    "/outage": (503, "unavailable", True),
    "/too-many": (429, "too_many_attempts", True),
    "/limited": (429, "too_many_requests", True),
    "/broken": (500, "internal_error", False),
    "/conflict": (409, "ticket_closed", False),
    "/unauthorized": (401, "invalid_token", False),
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status, code, retry = RESPONSES[self.path]
        body = b"" if status == 304 else json.dumps({"code": code}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if retry:
            self.send_header("Retry-After", "5")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(_Handler) as url:
        yield url


def count_requests(url: str, *requests: tuple[str, list[int], bool, bool]) -> dict[str, Any]:
    """Send requests: path, expected statuses, may be rejected, token has expired."""
    need_package("locust")
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("count_requests.py")), url],
        env={**inherited_environment(), "PYTHONPATH": str(LOADTEST)},
        input="\n".join(map(json.dumps, requests)),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_each_response_is_counted_in_its_row(url: str) -> None:
    result = count_requests(
        url,
        *(("/ok", [], False, False), ("/ok", [], False, True), ("/unchanged", [], False, False)),
        *(("/overloaded", [], True, False), ("/overloaded", [], False, False)),
        *(("/overloaded-without-retry-after", [], True, False), ("/outage", [], True, False)),
        *(("/too-many", [], True, False), ("/too-many", [], False, False), ("/limited", [], False, False)),
        *(("/broken", [], True, True),),
        *(("/conflict", [409], False, False), ("/conflict", [], False, False)),
        *(("/unauthorized", [], False, True), ("/unauthorized", [], False, False)),
    )
    assert result["counted"] == {
        "/ok": [2, 0],
        "/unchanged": [1, 0],
        "/overloaded (rejected: overloaded)": [1, 0],
        "/overloaded": [1, 1],
        "/overloaded-without-retry-after": [1, 1],
        "/outage": [1, 1],
        "/too-many (rejected: too_many_attempts)": [1, 0],
        "/too-many": [1, 1],
        "/limited (rejected: too_many_requests)": [1, 0],
        "/broken": [1, 1],
        "/conflict": [2, 1],
        "/unauthorized (expired)": [1, 0],
        "/unauthorized": [1, 1],
    }
    assert result["errors"] == [
        "401 invalid_token",
        "409 ticket_closed",
        "429 too_many_attempts",
        "500 internal_error",
        "503 overloaded",
        "503 overloaded",
        "503 unavailable",
    ]


def test_no_response_is_an_error() -> None:
    result = count_requests(f"http://127.0.0.1:{free_port()}", ("/ok", [], True, True))
    assert result["counted"] == {"/ok": [1, 1]}
    assert "refused" in result["errors"][0]
