"""Routing of paths to services."""

import pytest

from edge.hostile import TWO_MEANINGS
from support.chain import Edge
from support.client import Client, assert_problem
from support.echo import Backends
from support.raw import exchange, statuses

METADATA = "/.well-known/oauth-authorization-server/api/v1/auth"


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/auth",
        "/api/v1/auth/token",
        "/api/v1/auth/a/b?c=d%20e",
        METADATA,
        "/auth",
        "/auth/",
        "/auth/login?continue=%2Fapi%2Fv1%2Fauth%2Fauthorize%3Fstate%3Da%2526b",
        "/auth/static/app.0123456789abcdef.css",
    ],
)
def test_auth_prefix_reaches_auth_unchanged(client: Client, backends: Backends, path: str) -> None:
    assert client.get(path).status_code == 200
    assert [request.path for request in backends.auth.received] == [path]
    assert backends.users.received == []


@pytest.mark.parametrize("path", ["/api/v1/users", "/api/v1/users/", "/api/v1/users/me/export"])
def test_users_prefix_reaches_users_unchanged(client: Client, backends: Backends, path: str) -> None:
    assert client.get(path).status_code == 200
    assert [request.path for request in backends.users.received] == [path]
    assert backends.auth.received == []


@pytest.mark.parametrize("path", ["/api/v1/tickets", "/api/v1/tickets/", "/api/v1/tickets/1/replies"])
def test_tickets_prefix_reaches_tickets_unchanged(client: Client, backends: Backends, path: str) -> None:
    assert client.get(path).status_code == 200
    assert [request.path for request in backends.tickets.received] == [path]
    assert len(backends.received()) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_method_of_the_api_passes(client: Client, backends: Backends, method: str) -> None:
    assert client.http.request(method, "/api/v1/users/1").status_code == 200
    assert backends.only().method == method


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/usersX",
        "/api/v1/users-old/1",
        "/api/v1/authX",
        "/authX",
        "/auth.css",
        "/xauth/login",
        "/api/v1/ticketsX",
        METADATA + "/x",
        "/.well-known/oauth-authorization-server",
        "/.well-known/security.txt",
        "/api/v1/auth.json",
        "/api/v1/other",
        "/api/v1/",
        "/api/v1/.problem",
        "/api/v2/users",
        "/",
        "/metrics",
        "/livez",
        "/readyz",
        "/docs",
        "/openapi.json",
        "/internal",
        "/internal/anything",
        "/stats",
        "/health",
        "/.problem",
    ],
)
def test_unknown_paths_are_rejected_with_404(client: Client, backends: Backends, path: str) -> None:
    assert_problem(client.get(path), 404, "not_found")
    assert backends.received() == []


@pytest.mark.parametrize("path", TWO_MEANINGS)
def test_ambiguous_paths_are_rejected(edge: Edge, backends: Backends, path: bytes) -> None:
    request = b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert statuses(exchange(edge.haproxy.plain_port, request)) == [400]
    assert backends.received() == []


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT"])
def test_trace_track_and_connect_are_rejected(edge: Edge, backends: Backends, method: str) -> None:
    target = "localhost:80" if method == "CONNECT" else "/api/v1/auth/token"
    request = f"{method} {target} HTTP/1.1\r\nHost: localhost:80\r\nConnection: close\r\n\r\n"
    answer = exchange(edge.haproxy.plain_port, request.encode())
    assert statuses(answer) == [405]
    assert b'"code":"method_not_allowed"' in answer
    assert b"allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n" in answer
    assert backends.received() == []
