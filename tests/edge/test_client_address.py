"""The client IP from the first hop to the service, in headers or by the PROXY protocol.

Linux lets a client connect from any address of 127.0.0.0/8, so every client here has its own.
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.certificates import self_signed
from support.chain import Chain, Edge, running_edge
from support.client import AUTH, Client, assert_problem
from support.echo import Backends
from support.haproxy import HAProxy
from support.nginx import Nginx
from support.raw import exchange, statuses
from support.reaper import temporary_folder

CLIENT = "127.0.0.7"
FORGED = "203.0.113.66"
LINE = f"PROXY TCP4 {FORGED} 127.0.0.1 40000 443\r\n".encode()
BINARY = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([203, 0, 113, 66, 127, 0, 0, 1])
BINARY += struct.pack("!HH", 40000, 443)
READ = b"GET /api/v1/users HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module", params=["headers", "proxy-protocol"])
def client_address_edge(chain: Chain, request: pytest.FixtureRequest) -> Iterator[Edge]:
    """An edge in front of the real services, for each way to pass the client IP."""
    if request.param == "headers":
        yield chain.edge
        return
    ports = chain.auth.port, chain.users.port, chain.tickets.port
    with running_edge(*ports, proxy_protocol=True) as edge:
        yield edge


@pytest.fixture(scope="module")
def proxied(_backends: Backends) -> Iterator[Edge]:
    """An edge that speaks the PROXY protocol, in front of the echo backends."""
    with running_edge(*_backends.ports, proxy_protocol=True) as edge:
        yield edge


def _address_of_the_login(client: Client) -> str:
    sessions = client.get(f"{AUTH}/sessions").json()["items"]
    (current,) = [session for session in sessions if session["current"]]
    return str(current["ip"])


@pytest.mark.parametrize("listener", ["tls", "plain"])
def test_the_session_list_shows_the_client_ip(chain: Chain, client_address_edge: Edge, listener: str) -> None:
    for source in (CLIENT, "127.0.0.8"):
        with client_address_edge.client(tls=listener == "tls", source=source) as client:
            client.login_as(chain.admin)
            assert _address_of_the_login(client) == source


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Real-IP", "Forwarded"])
def test_the_session_list_ignores_forged_headers(chain: Chain, client_address_edge: Edge, name: str) -> None:
    with client_address_edge.client(source=CLIENT) as client:
        client.http.headers[name] = f"for={FORGED}" if name == "Forwarded" else FORGED
        client.login_as(chain.admin)
        assert _address_of_the_login(client) == CLIENT


@pytest.mark.parametrize("start", [LINE, BINARY])
def test_forged_proxy_protocol_line_is_rejected(
    chain: Chain, client_address_edge: Edge, start: bytes
) -> None:
    body = json.dumps({"email": chain.admin.email, "password": chain.admin.password}).encode()
    head = (
        f"POST {AUTH}/token HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    login = head.encode() + body
    assert statuses(exchange(client_address_edge.haproxy.plain_port, login)) == [200]
    assert statuses(exchange(client_address_edge.haproxy.plain_port, start + login)) == [400]
    assert exchange(client_address_edge.haproxy.tls_port, start + login)[:5] != b"HTTP/"
    with client_address_edge.client() as client:
        client.login_as(chain.admin)
        assert FORGED not in client.get(f"{AUTH}/sessions").text


def test_connections_are_not_shared_between_client_ips(proxied: Edge, backends: Backends) -> None:
    sources = [f"127.0.0.{number}" for number in range(20, 24)]
    clients = [proxied.client(source=source) for source in sources]
    for _ in range(5):
        for client in clients:
            assert client.get("/api/v1/users").status_code == 200
    for client in clients:
        client.close()
    assert [request.values("x-forwarded-for") for request in backends.received()] == [
        [source] for source in sources
    ] * 5
    assert {request.values("x-forwarded-proto")[0] for request in backends.received()} == {"https"}


@pytest.mark.parametrize("start", [LINE, BINARY])
def test_nginx_ignores_proxy_protocol_lines_of_other_peers(
    _backends: Backends, backends: Backends, start: bytes
) -> None:
    auth, users, tickets = _backends.ports
    with (
        temporary_folder() as folder,
        Nginx(
            folder,
            auth=auth,
            users=users,
            tickets=tickets,
            trusted_edge="192.0.2.1/32",
            proxy_protocol=True,
        ) as nginx,
    ):
        assert statuses(exchange(nginx.port, start + READ)) == [200]
    assert backends.only().values("x-forwarded-for") == ["127.0.0.1"]


def test_nginx_trusts_the_proxy_protocol_line_of_the_edge_and_no_header(
    proxied: Edge, backends: Backends
) -> None:
    # This test connects from the address of the edge.
    forged = READ.replace(b"Host: a", b"Host: a\r\nX-Forwarded-For: 198.51.100.1")
    assert statuses(exchange(proxied.nginx.port, LINE + forged)) == [200]
    assert backends.only().values("x-forwarded-for") == [FORGED]
    assert statuses(exchange(proxied.nginx.port, READ)) == []


@pytest.mark.parametrize("only", ["haproxy", "nginx"])
def test_the_health_check_detects_proxy_protocol_on_one_side_only(
    _backends: Backends, tmp_path: Path, only: str
) -> None:
    """A node that would answer requests with 400 or not at all gets no requests."""
    auth, users, tickets = _backends.ports
    env = {"DOORWARD_EDGE_PROXY_PROTOCOL": "v2"} if only == "haproxy" else {}
    with (
        Nginx(tmp_path, auth=auth, users=users, tickets=tickets, proxy_protocol=only == "nginx") as nginx,
        HAProxy(tmp_path, nodes=[nginx.port], certificate=self_signed(tmp_path), env=env) as haproxy,
        Client(haproxy.plain_url) as client,
    ):
        haproxy.wait_for_log("Server nodes/node1 is DOWN")
        assert_problem(client.get("/api/v1/users"), 503, "unavailable")
