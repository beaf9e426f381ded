"""Requests that two parsers could interpret differently, and slow requests."""

import socket
import time
from collections.abc import Iterator

import pytest

from edge.hostile import AMBIGUOUS, HEAD
from support.chain import Edge, running_edge
from support.echo import Backends
from support.raw import exchange, read_all, statuses

SMUGGLED = b"GET /api/v1/users/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize("request_bytes", AMBIGUOUS)
def test_ambiguous_requests_are_rejected(edge: Edge, backends: Backends, request_bytes: bytes) -> None:
    answer = exchange(edge.haproxy.plain_port, request_bytes, seconds=1.0)
    assert statuses(answer) == [400]
    assert backends.received() == []


def test_content_length_with_chunked_closes_the_connection(edge: Edge, backends: Backends) -> None:
    # RFC 9112 section 6.1 lets a server process such a request by Transfer-Encoding alone when it
    # closes the connection afterwards, so that later bytes are not read as a request.
    body = b"0\r\n\r\n" + SMUGGLED
    request = HEAD + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % len(body) + body
    started = time.monotonic()
    answer = exchange(edge.haproxy.plain_port, request, seconds=20.0)
    assert time.monotonic() - started < 15, "the connection stayed open"
    assert len(statuses(answer)) == 1
    received = backends.only()
    assert received.path == "/api/v1/auth/token"
    assert received.body == b""
    assert received.values("transfer-encoding") == []


def test_chunked_body_arrives_whole_and_with_one_framing(edge: Edge, backends: Backends) -> None:
    request = (
        HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    assert statuses(exchange(edge.haproxy.plain_port, request)) == [200]
    received = backends.only()
    assert received.body == b"abcde"
    assert received.values("content-length") == ["5"]
    assert received.values("transfer-encoding") == []


@pytest.fixture(scope="module")
def short_timeout_edge(_backends: Backends) -> Iterator[Edge]:
    """The edge with a request timeout of one second instead of ten."""
    env = {"DOORWARD_EDGE_REQUEST_TIMEOUT": "1s"}
    with running_edge(*_backends.ports, env=env) as edge:
        yield edge


@pytest.mark.parametrize("sent", [b"", b"POST /api/v1/auth/token HT", HEAD, HEAD + b"X: y\r\n"])
def test_slow_headers_time_out(short_timeout_edge: Edge, backends: Backends, sent: bytes) -> None:
    assert 0.8 < _seconds_until_cut(short_timeout_edge, sent, b"X") < 60
    assert backends.received() == []


def test_slow_body_times_out_before_it_reaches_nginx(short_timeout_edge: Edge, backends: Backends) -> None:
    port = short_timeout_edge.haproxy.plain_port
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n{")
        answer = read_all(connection)
    assert statuses(answer) == [408]
    assert b'"code":"request_timeout"' in answer
    assert b"application/problem+json" in answer
    assert backends.received() == []


def _seconds_until_cut(edge: Edge, sent: bytes, drip: bytes) -> float:
    """Send a beginning and then single bytes; return the seconds until the edge closes."""
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", edge.haproxy.plain_port), timeout=0.2) as connection:
        connection.sendall(sent)
        while time.monotonic() - started < 60:
            try:
                if sent:
                    connection.sendall(drip)
                if connection.recv(4096) == b"":
                    break
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                break
    return time.monotonic() - started
