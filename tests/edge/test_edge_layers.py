"""HAProxy and NGINX each pass the tests without the other.

Installations may combine HAProxy with another ingress controller, or NGINX with another load balancer. In
tests of both together, one could hide a defect of the other.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.forged import FORGED, SET_BY_THE_EDGE
from edge.hostile import AMBIGUOUS, TWO_MEANINGS
from support.certificates import self_signed
from support.client import Client, assert_problem
from support.echo import Backends
from support.haproxy import HAProxy
from support.nginx import Nginx
from support.raw import exchange, statuses
from support.reaper import temporary_folder


@pytest.fixture(scope="module")
def haproxy(_backends: Backends) -> Iterator[HAProxy]:
    """HAProxy with the backend as its node."""
    with temporary_folder() as folder:
        certificate = self_signed(folder)
        with HAProxy(folder, nodes=[_backends.users.port], certificate=certificate) as haproxy:
            yield haproxy


@pytest.fixture(scope="module")
def nginx(_backends: Backends) -> Iterator[Nginx]:
    """NGINX that trusts this test like HAProxy."""
    with temporary_folder() as folder, _nginx(folder, _backends, "127.0.0.1/32") as nginx:
        yield nginx


@pytest.fixture(scope="module")
def untrusting_nginx(_backends: Backends) -> Iterator[Nginx]:
    """NGINX that does not trust this test."""
    with temporary_folder() as folder, _nginx(folder, _backends, "192.0.2.1/32") as nginx:
        yield nginx


def _nginx(folder: Path, backends: Backends, trusted_edge: str) -> Nginx:
    auth, users, tickets = backends.ports
    return Nginx(folder, auth=auth, users=users, tickets=tickets, trusted_edge=trusted_edge)


@pytest.mark.parametrize("name", FORGED)
def test_haproxy_deletes_forged_headers_itself(haproxy: HAProxy, backends: Backends, name: str) -> None:
    with Client(haproxy.plain_url) as client:
        client.get("/api/v1/users", headers={name: FORGED[name]})
    received = backends.only()
    assert FORGED[name] not in received.values(name)
    if name.lower() not in SET_BY_THE_EDGE:
        assert received.values(name) == []


def test_haproxy_forwards_one_address_and_one_id(haproxy: HAProxy, backends: Backends) -> None:
    with Client(haproxy.plain_url) as client:
        client.get("/api/v1/users", headers={"X-Forwarded-For": "203.0.113.9", "X-Request-ID": "of-client"})
    received = backends.only()
    assert received.values("x-forwarded-for") == ["127.0.0.1"]
    assert received.values("x-forwarded-proto") == ["http"]
    assert len(received.values("x-request-id")) == 1
    assert received.values("x-client-request-id") == ["of-client"]


@pytest.mark.parametrize("request_bytes", AMBIGUOUS)
def test_haproxy_rejects_ambiguous_requests_itself(
    haproxy: HAProxy, backends: Backends, request_bytes: bytes
) -> None:
    assert statuses(exchange(haproxy.plain_port, request_bytes, seconds=1.0)) == [400]
    assert backends.received() == []


@pytest.mark.parametrize("path", TWO_MEANINGS)
def test_haproxy_rejects_ambiguous_paths_itself(haproxy: HAProxy, backends: Backends, path: bytes) -> None:
    request = b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert statuses(exchange(haproxy.plain_port, request)) == [400]
    assert backends.received() == []


def test_haproxy_deletes_banners_itself(haproxy: HAProxy) -> None:
    with Client(haproxy.plain_url) as client:
        assert not {"server", "x-powered-by", "via"} & set(client.get("/api/v1/users").headers)


def test_nginx_trusts_headers_of_haproxy(nginx: Nginx, backends: Backends) -> None:
    with Client(f"http://127.0.0.1:{nginx.port}") as client:
        client.get(
            "/api/v1/users",
            headers={
                "X-Forwarded-For": "203.0.113.9",
                "X-Forwarded-Proto": "https",
                "X-Request-ID": "from-the-edge",
                "X-Client-Request-ID": "of-the-client",
            },
        )
    received = backends.only()
    assert received.values("x-forwarded-for") == ["203.0.113.9"]
    assert received.values("x-forwarded-proto") == ["https"]
    assert received.values("x-request-id") == ["from-the-edge"]
    assert received.values("x-client-request-id") == ["of-the-client"]


def test_nginx_trusts_headers_of_no_other_peer(untrusting_nginx: Nginx, backends: Backends) -> None:
    with Client(f"http://127.0.0.1:{untrusting_nginx.port}") as client:
        response = client.get(
            "/api/v1/users",
            headers={
                "X-Forwarded-For": "203.0.113.9",
                "X-Forwarded-Proto": "https",
                "X-Request-ID": "of-the-client",
                "X-Client-Request-ID": "forged",
            },
        )
    received = backends.only()
    assert received.values("x-forwarded-for") == ["127.0.0.1"]
    assert received.values("x-forwarded-proto") == ["http"]
    assert received.values("x-request-id") == response.headers.get_list("x-request-id")
    assert len(response.headers["x-request-id"]) == 32
    assert received.values("x-client-request-id") == ["of-the-client"]


@pytest.mark.parametrize(
    "name", ["X-Doorward-User", "X-Doorward-Role", "X-Real-IP", "Forwarded", "Proxy", "X_Doorward_User"]
)
def test_nginx_deletes_headers_that_services_could_trust(nginx: Nginx, backends: Backends, name: str) -> None:
    with Client(f"http://127.0.0.1:{nginx.port}") as client:
        client.get("/api/v1/users", headers={name: "forged"})
    assert backends.only().values(name) == []


@pytest.mark.parametrize("path", ["/.problem", "/.no_answer", "/metrics", "/livez", "/api/v1/usersX"])
def test_nginx_serves_only_the_api_prefixes(nginx: Nginx, backends: Backends, path: str) -> None:
    with Client(f"http://127.0.0.1:{nginx.port}") as client:
        assert_problem(client.get(path), 404, "not_found")
    assert backends.received() == []


def test_nginx_creates_a_request_id_if_none_is_wellformed(nginx: Nginx, backends: Backends) -> None:
    with Client(f"http://127.0.0.1:{nginx.port}") as client:
        response = client.get("/api/v1/users", headers={"X-Request-ID": "not well formed"})
    assert backends.only().values("x-request-id") == response.headers.get_list("x-request-id")
    assert len(response.headers["x-request-id"]) == 32


def test_nginx_keeps_connections_to_the_services(nginx: Nginx, backends: Backends) -> None:
    with Client(f"http://127.0.0.1:{nginx.port}") as client:
        for _ in range(20):
            assert client.get("/api/v1/users").status_code == 200
    received = backends.received()
    assert len({request.connection for request in received}) < len(received) / 2
    assert all(request.values("connection") == [] for request in received)
