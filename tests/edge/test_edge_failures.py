"""Responses to clients while a backend is down, killed or slow."""

import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from support.certificates import self_signed
from support.chain import Edge, running_edge
from support.client import Client, assert_problem
from support.echo import Backends, EchoServer
from support.haproxy import HAProxy
from support.nginx import Nginx
from support.probes import http_status


@pytest.fixture
def echo() -> Iterator[EchoServer]:
    """A backend that a test may stop."""
    with EchoServer() as echo:
        yield echo


@pytest.fixture
def breakable_edge(echo: EchoServer) -> Iterator[Edge]:
    """An edge that a test may break, in front of one backend."""
    with running_edge(echo.port, echo.port, echo.port) as edge:
        yield edge


def _unavailable(response: httpx2.Response) -> None:
    assert_problem(response, 503, "unavailable")
    assert int(response.headers["retry-after"]) > 0


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_a_stopped_service_is_503_until_it_is_back(
    breakable_edge: Edge, echo: EchoServer, method: str
) -> None:
    with breakable_edge.client() as client:
        assert client.http.request(method, "/api/v1/users/1").status_code == 200
        echo.stop()
        for _ in range(3):
            _unavailable(client.http.request(method, "/api/v1/users/1"))
        echo.start()
        assert client.http.request(method, "/api/v1/users/1").status_code == 200


def test_a_stopped_service_does_not_affect_the_other(breakable_edge: Edge, echo: EchoServer) -> None:
    with (
        EchoServer() as users,
        running_edge(echo.port, users.port, echo.port) as edge,
        edge.client() as client,
    ):
        users.stop()
        for _ in range(5):
            _unavailable(client.get("/api/v1/users"))
            assert client.get("/api/v1/auth/me").status_code == 200
    assert breakable_edge.haproxy.alive


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_nginx_does_not_retry_requests_that_reached_a_service(
    client: Client, backends: Backends, method: str
) -> None:
    assert client.http.request(method, "/api/v1/users").status_code == 200
    backends.users.received.clear()
    response = client.http.request(method, "/api/v1/users/vanish")
    assert_problem(response, 502, "bad_gateway")
    assert "retry-after" not in response.headers
    assert backends.only().method == method


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_haproxy_does_not_retry_requests_either(echo: EchoServer, tmp_path: Path, method: str) -> None:
    certificate = self_signed(tmp_path)
    with (
        HAProxy(tmp_path, nodes=[echo.port], certificate=certificate) as haproxy,
        Client(haproxy.plain_url) as client,
    ):
        assert_problem(client.http.request(method, "/api/v1/users/vanish"), 502, "bad_gateway")
    assert [request.method for request in echo.received if request.path.endswith("/vanish")] == [method]


def test_late_response_is_504(echo: EchoServer, tmp_path: Path) -> None:
    env = {"DOORWARD_EDGE_RESPONSE_TIMEOUT": "300ms"}
    haproxy = HAProxy(tmp_path, nodes=[echo.port], certificate=self_signed(tmp_path), env=env)
    with haproxy, Client(haproxy.plain_url) as client:
        assert_problem(client.get("/api/v1/users/late"), 504, "gateway_timeout")


def test_all_nodes_down_is_503_until_one_is_back_without_a_reload(breakable_edge: Edge) -> None:
    with breakable_edge.client() as client:
        assert client.get("/api/v1/users").status_code == 200
        breakable_edge.nginx.kill9()
        _unavailable(client.post("/api/v1/users"))
        time.sleep(1.0)  # long enough for the health check to remove the node
        _unavailable(client.get("/api/v1/users"))
        breakable_edge.nginx.start()
        deadline = time.monotonic() + 30
        while client.get("/api/v1/users").status_code != 200:
            assert time.monotonic() < deadline, breakable_edge.haproxy.log_text()
            time.sleep(0.1)


def test_a_dead_node_costs_no_request(echo: EchoServer, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    first, second = (Nginx(folder, auth=echo.port, users=echo.port, tickets=echo.port) for folder in folders)
    with first, second:
        haproxy = HAProxy(
            tmp_path,
            nodes=[first.port, second.port],
            certificate=self_signed(tmp_path),
            env={"DOORWARD_EDGE_CHECK_INTERVAL": "60s"},  # the check comes too late to help
        )
        with haproxy:
            for number in range(30):
                if number == 10:
                    first.kill9()
                # One connection each, like new clients.
                with Client(haproxy.plain_url) as client:
                    assert client.post("/api/v1/users", json={"n": number}).status_code == 200
    assert len([request for request in echo.received if request.method == "POST"]) == 30


def test_a_client_that_has_closed_its_sending_side_gets_its_response(edge: Edge, backends: Backends) -> None:
    with socket.create_connection(("127.0.0.1", edge.haproxy.plain_port), timeout=60) as connection:
        connection.sendall(b"GET /api/v1/users/late HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
    assert backends.only().path == "/api/v1/users/late"


def test_a_503_of_a_service_is_passed_on(chain_less: Edge) -> None:
    with chain_less.client() as client:
        response = client.get("/api/v1/auth/busy")
        assert response.status_code == 503
        assert response.headers["retry-after"] == "7"
        assert response.json() == {"path": "/api/v1/auth/busy"}


@pytest.fixture
def chain_less(edge: Edge, backends: Backends) -> Edge:
    """The shared edge, with an empty record."""
    assert backends.received() == []
    return edge


def test_graceful_stop_lets_requests_finish(breakable_edge: Edge, echo: EchoServer) -> None:
    answers: list[int] = []

    def ask() -> None:
        with breakable_edge.client() as client:
            answers.append(client.post("/api/v1/users/late").status_code)

    asking = threading.Thread(target=ask)
    asking.start()
    deadline = time.monotonic() + 30
    while not any(request.path.endswith("/late") for request in echo.received):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    breakable_edge.haproxy.send(signal.SIGUSR1)
    asking.join(30)
    assert answers == [200]
    deadline = time.monotonic() + 30
    while breakable_edge.haproxy.alive:
        assert time.monotonic() < deadline, "HAProxy did not end after its last request"
        time.sleep(0.05)


def test_metrics_are_only_on_the_admin_port(edge: Edge) -> None:
    admin = edge.haproxy.admin_port
    assert [http_status(admin, path) for path in ("/health", "/metrics", "/stats")] == [200] * 3
    for path in ("/health", "/metrics", "/stats"):
        assert http_status(edge.haproxy.plain_port, path) == 404
