"""Limits on the size of a request, and on requests and connections of a source."""

import socket
import time
from typing import Any

import httpx2
import pytest

from support.chain import Edge, running_edge
from support.client import Client, assert_problem
from support.echo import Backends
from support.ports import free_port
from support.raw import exchange, statuses

KIB = 1024
MIB = 1024 * KIB
IMAGE_ROUTES = [
    ("PUT", "/api/v1/users/me/avatar"),
    ("PUT", "/api/v1/users/01913e8c-3f5a-7b1c-8d2e-4f6a8b0c2d4e/avatar"),
    ("POST", "/api/v1/auth/register"),
    ("POST", "/api/v1/auth/upstream/theapi/register"),
]
IMAGE_TYPES = ["image/png", "image/jpeg", "IMAGE/WEBP", "multipart/form-data; boundary=x"]
JSON = {"Content-Type": "application/json"}


def send(client: Client, method: str, path: str, **options: Any) -> httpx2.Response:
    """Send one request with any method."""
    response: httpx2.Response = getattr(client, method.lower())(path, **options)
    return response


def test_body_at_the_limit_passes(client: Client, backends: Backends) -> None:
    assert client.post("/api/v1/auth/token", content=b"x" * (64 * KIB), headers=JSON).status_code == 200
    assert len(backends.only().body) == 64 * KIB


@pytest.mark.parametrize(("method", "path"), IMAGE_ROUTES)
def test_body_with_an_image_may_be_longer(client: Client, backends: Backends, method: str, path: str) -> None:
    for number, media_type in enumerate(IMAGE_TYPES, 1):
        headers = {"Content-Type": media_type}
        assert send(client, method, path, content=b"x" * MIB, headers=headers).status_code == 200
        assert [len(request.body) for request in backends.received()] == [MIB] * number
        longer = send(client, method, path, content=b"x" * (MIB + 1), headers=headers)
        assert_problem(longer, 413, "content_too_large")


@pytest.mark.parametrize(
    ("method", "path", "media_type"),
    [
        ("POST", "/api/v1/auth/token", "image/png"),
        ("POST", "/api/v1/auth/register", "application/json"),
        ("POST", "/api/v1/auth/register", "application/x-www-form-urlencoded"),
        ("PUT", "/api/v1/auth/register", "multipart/form-data; boundary=x"),
        ("POST", "/api/v1/auth/registered", "multipart/form-data; boundary=x"),
        ("POST", "/api/v1/auth/upstream/a/b/register", "multipart/form-data; boundary=x"),
        ("POST", "/api/v1/auth/upstream/theapi/token", "multipart/form-data; boundary=x"),
        ("PUT", "/api/v1/users/me/avatar", "application/json"),
        ("PUT", "/api/v1/users/me/avatar", "image/svg+xml"),
        ("POST", "/api/v1/users/me/avatar", "image/png"),
        ("PUT", "/api/v1/users/me", "image/png"),
        ("PUT", "/api/v1/users/a/b/avatar", "image/png"),
        ("PUT", "/api/v1/tickets/me/avatar", "image/png"),
    ],
)
def test_other_bodies_may_not(
    client: Client, backends: Backends, method: str, path: str, media_type: str
) -> None:
    headers = {"Content-Type": media_type}
    longer = send(client, method, path, content=b"x" * (64 * KIB + 1), headers=headers)
    assert_problem(longer, 413, "content_too_large")
    assert backends.received() == []


def test_announced_longer_body_is_rejected_before_it_is_sent(edge: Edge, backends: Backends) -> None:
    for length in (64 * KIB + 1, MIB, 10**12):
        request = (
            b"POST /api/v1/auth/token HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n"
            b"Expect: 100-continue\r\n\r\n" % length
        )
        answer = exchange(edge.haproxy.plain_port, request)
        assert statuses(answer) == [413]
        assert b'"code":"content_too_large"' in answer
    assert backends.received() == []


@pytest.mark.parametrize(
    ("method", "path", "limit"),
    [("POST", "/api/v1/auth/token", 64 * KIB), *((*route, MIB) for route in IMAGE_ROUTES)],
)
def test_chunked_longer_body_is_rejected(
    client: Client, backends: Backends, method: str, path: str, limit: int
) -> None:
    headers = {"Content-Type": "image/png"}
    chunks = (b"x" * 16_384 for _ in range(limit // 16_384 + 1))
    rejected = send(client, method, path, content=chunks, headers=headers)
    assert_problem(rejected, 413, "content_too_large")
    assert backends.received() == []
    fitting = (b"x" * 16_384 for _ in range(limit // 16_384))
    assert send(client, method, path, content=fitting, headers=headers).status_code == 200
    assert len(backends.only().body) == limit


def test_a_long_body_is_no_reason_for_another_error(backends: Backends) -> None:
    """NGINX's own answers have no limit: it would measure the body once more."""
    ports = backends.auth.port, free_port(), backends.tickets.port
    with running_edge(*ports) as edge, edge.client() as client:
        headers = {"Content-Type": "image/png"}
        answer = client.put("/api/v1/users/me/avatar", content=b"x" * MIB, headers=headers)
        assert_problem(answer, 503, "unavailable")


def test_header_at_the_limit_passes(client: Client, backends: Backends) -> None:
    assert client.get("/api/v1/users", headers={"Authorization": "x" * 7_500}).status_code == 200
    assert backends.only().values("authorization") == ["x" * 7_500]


@pytest.mark.parametrize("lengths", [[8_192], [2_100] * 4])
def test_longer_header_is_rejected(client: Client, backends: Backends, lengths: list[int]) -> None:
    headers = {f"X-{number}": "x" * length for number, length in enumerate(lengths)}
    assert_problem(client.get("/api/v1/users", headers=headers), 431, "header_fields_too_large")
    assert backends.received() == []


@pytest.mark.parametrize(
    "header", [b"X: " + b"x" * 30_000 + b"\r\n", b"".join(b"X-%d: y\r\n" % n for n in range(80))]
)
def test_header_beyond_the_buffer_is_rejected(edge: Edge, backends: Backends, header: bytes) -> None:
    request = b"GET /api/v1/users HTTP/1.1\r\nHost: a\r\n" + header + b"\r\n"
    # HAProxy itself, before any rule: 400 from 2.6, 414 from 3.2.
    assert statuses(exchange(edge.haproxy.plain_port, request)) in ([400], [414])
    assert backends.received() == []


def test_long_url_is_rejected(client: Client, backends: Backends) -> None:
    path = "/api/v1/users?search="
    longest = path + "x" * (8_000 - len(path))
    assert_problem(client.get(f"{longest}x"), 414, "uri_too_long")
    assert backends.received() == []
    # With the longest header, too: both fit the buffers of HAProxy and NGINX.
    assert client.get(longest, headers={"Authorization": "x" * 7_500}).status_code == 200
    assert backends.only().path == longest


def test_requests_of_one_source_are_limited(backends: Backends) -> None:
    env = {"DOORWARD_EDGE_SOURCE_REQUESTS_PER_10S": "5"}
    with running_edge(*backends.ports, env=env) as edge, edge.client() as client:
        for _ in range(5):
            assert client.get("/api/v1/users").status_code == 200
        response = client.get("/api/v1/users", headers={"X-Forwarded-For": "203.0.113.7"})
        assert_problem(response, 429, "too_many_requests")
        assert int(response.headers["retry-after"]) > 0
    assert len(backends.received()) == 5


def test_connections_of_one_source_are_limited(backends: Backends) -> None:
    env = {"DOORWARD_EDGE_SOURCE_CONNECTIONS": "3"}
    with running_edge(*backends.ports, env=env) as edge:
        held = [_kept_alive(edge) for _ in range(3)]
        try:
            with pytest.raises(ConnectionError):
                _kept_alive(edge)
            held.pop().close()
            held.append(_kept_alive_again(edge))
        finally:
            for connection in held:
                connection.close()


def _kept_alive_again(edge: Edge, patience: float = 20.0) -> socket.socket:
    """Return a new connection as soon as HAProxy has noticed a closed one."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return _kept_alive(edge)
        except ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _kept_alive(edge: Edge) -> socket.socket:
    """Return a connection that has received a response; raises ConnectionError."""
    connection = socket.create_connection(("127.0.0.1", edge.haproxy.plain_port), timeout=20)
    try:
        connection.sendall(b"GET /api/v1/users HTTP/1.1\r\nHost: a\r\n\r\n")
        if not connection.recv(4096):
            raise ConnectionError("closed without an answer")
    except OSError:
        connection.close()
        raise
    return connection
