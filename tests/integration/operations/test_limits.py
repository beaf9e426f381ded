"""Limits of the HTTP server: oversized requests are rejected cheaply."""

import contextlib
import json
import socket
from pathlib import Path

import pytest

from integration.harness.deployment import Deployment
from integration.harness.installation import AUTH, USERS
from integration.harness.people import People
from support.processes import processor_seconds
from support.services import Service

MIB = 1024 * 1024


def exchange(service: Service, raw: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes, read until the server closes; return status, header and body."""
    received = b""
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
        with contextlib.suppress(OSError):  # rejected before it was read completely
            connection.sendall(raw)
        while True:
            try:
                piece = connection.recv(65_536)
            except ConnectionResetError:
                break
            if not piece:
                break
            received += piece
    header, _, body = received.partition(b"\r\n\r\n")
    first, *fields = header.decode("latin-1").split("\r\n")
    named = dict(field.lower().split(": ", 1) for field in fields)
    return int(first.split()[1]), named, body


def request(method: str, target: str, *fields: str, body: bytes = b"") -> bytes:
    header = "\r\n".join([f"{method} {target} HTTP/1.1", "Host: x", "Connection: close", *fields])
    return header.encode("latin-1") + b"\r\n\r\n" + body


def assert_wire_problem(answer: tuple[int, dict[str, str], bytes], status: int) -> None:
    got, header, body = answer
    assert got == status
    assert header["content-type"] == "application/problem+json"
    document = json.loads(body)
    assert document["status"] == status
    assert document["request_id"] == header["x-request-id"]
    assert len(body) < 2_000


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    "name", ["X-Long", "Authorization", "Cookie", "X-Request-ID", "User-Agent", "If-Match"]
)
def test_a_header_of_a_megabyte_is_rejected(deployment: Deployment, name: str) -> None:
    for service, path in ((deployment.auth, f"{AUTH}/me"), (deployment.users, f"{USERS}/me")):
        assert_wire_problem(exchange(service, request("GET", path, f"{name}: " + "a" * MIB)), 431)


@pytest.mark.usefixtures("people")
def test_many_headers_are_rejected(deployment: Deployment) -> None:
    fields = [f"X-{number}: a" for number in range(20_000)]
    assert_wire_problem(exchange(deployment.users, request("GET", USERS, *fields)), 431)


def test_a_url_of_a_megabyte_is_rejected(deployment: Deployment, people: People) -> None:
    """Rejected by the parser, before a problem document is possible."""
    authorized = f"Authorization: Bearer {people.user.access}"
    for target in (f"{USERS}?" + "a&" * (MIB // 2), f"{USERS}?q=" + "a" * MIB, f"{USERS}/" + "a" * MIB):
        status, _, body = exchange(deployment.users, request("GET", target, authorized))
        assert status == 400
        assert len(body) < 100


def test_the_cost_of_a_long_url_is_linear(deployment: Deployment, people: People) -> None:
    authorized = f"Authorization: Bearer {people.user.access}"
    for target in (f"{USERS}?" + "a&" * 32_000, f"{USERS}?" + "q=a&" * 16_000, f"{USERS}/" + "a" * 65_000):
        before = processor_seconds(deployment.users.pid)
        status, _, _ = exchange(deployment.users, request("GET", target, authorized))
        assert status in {200, 404}
        assert processor_seconds(deployment.users.pid) - before < 1.0, "as in square time"


def test_a_body_past_the_limit_is_rejected(deployment: Deployment, people: People) -> None:
    fields = ("Content-Type: application/json", f"Authorization: Bearer {people.admin.access}")
    announced = request("POST", USERS, *fields, f"Content-Length: {10 * MIB}", body=b"x" * 100_000)
    assert_wire_problem(exchange(deployment.users, announced), 413)
    pieces = b"".join(b"2000\r\n" + b"x" * 0x2000 + b"\r\n" for _ in range(200)) + b"0\r\n\r\n"
    chunked = request("POST", USERS, *fields, "Transfer-Encoding: chunked", body=pieces)
    assert_wire_problem(exchange(deployment.users, chunked), 413)


@pytest.mark.usefixtures("people")
def test_upgrade_requests_are_rejected(deployment: Deployment) -> None:
    """An installed WebSocket library does not change how requests are handled."""
    handshake = (
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==",
    )
    upgraded = request("GET", "/livez", *handshake).replace(
        b"Connection: close", b"Connection: Upgrade, close"
    )
    for service in (deployment.auth, deployment.users):
        status, header, _ = exchange(service, upgraded)
        assert (status, "upgrade" in header) == (200, False)


@pytest.mark.usefixtures("people")
def test_hostile_requests_do_not_grow_the_process(deployment: Deployment) -> None:
    def resident() -> int:
        text = Path(f"/proc/{deployment.users.pid}/statm").read_text(encoding="ascii")
        return int(text.split()[1]) * 4096

    huge = request("GET", USERS, "X-Long: " + "a" * MIB)
    for _ in range(5):
        exchange(deployment.users, huge)
    before = resident()
    for number in range(60):
        exchange(deployment.users, huge)
        exchange(deployment.users, request("GET", f"/scanned/{number}", f"X-Request-ID: {number}"))
        exchange(deployment.users, request("GET", USERS, f"Authorization: Bearer {number}"))
    assert resident() - before < 10 * MIB
