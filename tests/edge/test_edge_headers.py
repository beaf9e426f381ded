"""Headers that the edge removes, sets, and hides."""

import json
import re
import uuid

import pytest

from edge.forged import FORGED, SET_BY_THE_EDGE
from support.chain import Edge
from support.client import Client, assert_problem
from support.echo import Backends
from support.http2 import get as http2_get
from support.raw import exchange, statuses


@pytest.mark.parametrize("name", FORGED)
@pytest.mark.parametrize("spelling", [str, str.lower, str.upper])
def test_forged_headers_do_not_reach_services(
    client: Client, backends: Backends, name: str, spelling: type[str]
) -> None:
    client.get("/api/v1/users", headers={spelling(name): FORGED[name]})
    received = backends.only()
    assert FORGED[name] not in received.values(name)
    if name.lower() not in SET_BY_THE_EDGE:
        assert received.values(name) == []


def test_repeated_forged_headers_are_all_removed(edge: Edge, backends: Backends) -> None:
    # Repeating all exceeds HAProxy's limit of fields in a request, so they are sent in two halves.
    lines = [f"{name}: {value}\r\n" * 2 for name, value in FORGED.items()]
    for half in (lines[::2], lines[1::2]):
        request = "GET /api/v1/users HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + "".join(half)
        assert statuses(exchange(edge.haproxy.plain_port, f"{request}\r\n".encode())) == [200]
    for received in backends.received():
        names = {name for name, _ in received.headers}
        assert not names & ({name.lower() for name in FORGED} - SET_BY_THE_EDGE)


def test_exactly_one_client_ip_is_forwarded(edge: Edge, backends: Backends) -> None:
    for tls, scheme in ((True, "https"), (False, "http")):
        backends.auth.received.clear()
        with edge.client(tls=tls) as client:
            client.get("/api/v1/auth/me", headers={"X-Forwarded-For": "203.0.113.66, 10.0.0.1"})
        received = backends.only()
        assert received.values("x-forwarded-for") == ["127.0.0.1"]
        assert received.values("x-forwarded-proto") == [scheme]
        assert received.values("x-forwarded-host") == received.values("host")


def test_connection_header_cannot_remove_our_headers(edge: Edge, backends: Backends) -> None:
    request = (
        b"GET /api/v1/users HTTP/1.1\r\nHost: a\r\n"
        b"Connection: X-Forwarded-For, X-Request-ID, X-Forwarded-Proto, close\r\n\r\n"
    )
    assert statuses(exchange(edge.haproxy.plain_port, request)) == [200]
    for name in ("x-forwarded-for", "x-forwarded-proto", "x-request-id"):
        assert len(backends.only().values(name)) == 1


def test_headers_of_the_request_pass(client: Client, backends: Backends) -> None:
    kept = {"authorization": "Bearer a.b.c", "if-match": '"7"', "traceparent": "00-1-2-01"}
    client.post("/api/v1/users", headers=kept, json={"name": "ä"})
    received = backends.only()
    for name, value in kept.items():
        assert received.values(name) == [value]
    assert json.loads(received.body) == {"name": "ä"}


def test_http2_requests_follow_the_same_rules(edge: Edge, backends: Backends) -> None:
    forged = {name.lower(): value for name, value in FORGED.items() if name != "Upgrade"}
    http2_get(edge.haproxy.tls_port, edge.certificate.client_context(), "/api/v1/users/h2", forged)
    received = backends.only()
    assert received.path == "/api/v1/users/h2"
    assert received.values("x-forwarded-for") == ["127.0.0.1"]
    assert received.values("x-forwarded-proto") == ["https"]
    names = {name for name, _ in received.headers}
    assert not names & (forged.keys() - SET_BY_THE_EDGE)


@pytest.mark.parametrize("given", ["a", "A-1._b", "x" * 128, "0b6f4f3e-5d0c-4c1e-9a55-7f3f0b6a5d11"])
def test_the_clients_request_id_is_forwarded_in_its_own_header(
    client: Client, backends: Backends, given: str
) -> None:
    headers = {"X-Request-ID": given, "X-Client-Request-ID": "forged"}
    (made,) = client.get("/api/v1/users", headers=headers).headers.get_list("x-request-id")
    assert uuid.UUID(made).version == 4
    assert made != given
    assert backends.only().values("x-request-id") == [made]
    assert backends.only().values("x-client-request-id") == [given]


@pytest.mark.parametrize("given", [None, "", "x" * 129, "a b", "a,b", 'a"b', "ä".encode()])
def test_a_malformed_request_id_is_dropped(
    client: Client, backends: Backends, given: str | bytes | None
) -> None:
    response = client.get("/api/v1/users", headers={} if given is None else {"X-Request-ID": given})
    made = response.headers["x-request-id"]
    assert uuid.UUID(made).version == 4
    assert backends.only().values("x-request-id") == [made]
    assert backends.only().values("x-client-request-id") == []


def test_two_request_ids_are_replaced_by_one(edge: Edge, backends: Backends) -> None:
    request = (
        b"GET /api/v1/users HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        b"X-Request-ID: one\r\nX-Request-ID: two\r\n\r\n"
    )
    assert statuses(exchange(edge.haproxy.plain_port, request)) == [200]
    (made,) = backends.only().values("x-request-id")
    assert uuid.UUID(made).version == 4


@pytest.mark.parametrize("path", ["/metrics", "/api/v1/usersX"])
def test_errors_of_haproxy_and_of_nginx_name_the_request(client: Client, path: str) -> None:
    response = client.get(path)
    assert uuid.UUID(assert_problem(response, 404, "not_found")["request_id"]).version == 4
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/api/v1/users", "/api/v1/usersX", "/metrics"])
def test_responses_do_not_name_the_server_software(client: Client, path: str) -> None:
    response = client.get(path)
    assert not {"server", "x-powered-by", "via"} & set(response.headers)
    assert not re.search(r"nginx|haproxy|secret-|\d+\.\d+\.\d+", response.text, re.IGNORECASE)


@pytest.mark.parametrize("path", ["/api/v1/users", "/api/v1/usersX", "/metrics"])
def test_tls_responses_set_hsts_for_at_least_a_year(edge: Edge, path: str) -> None:
    with edge.client() as client:
        policy = client.get(path).headers.get_list("strict-transport-security")
    assert len(policy) == 1
    assert int(policy[0].removeprefix("max-age=").split(";")[0]) >= 31_536_000


def test_plain_responses_set_no_hsts(edge: Edge) -> None:
    # RFC 6797 section 7.2: the header must not be sent over a connection that is not secure.
    with edge.client(tls=False) as client:
        assert "strict-transport-security" not in client.get("/api/v1/users").headers


def test_logs_are_json_with_the_request_id_and_no_query(edge: Edge) -> None:
    with edge.client() as client:
        response = client.get(
            "/api/v1/users/logged?token=very-secret",
            headers={"X-Request-ID": "logged-1", "Authorization": "Bearer very-secret"},
        )
    request_id = response.headers["x-request-id"]
    (entry,) = [json.loads(line) for line in edge.haproxy.wait_for_log("logged-1")]
    assert (entry["request_id"], entry["client_request_id"]) == (request_id, "logged-1")
    for process in (edge.haproxy, edge.nginx):
        (entry,) = [json.loads(line) for line in process.wait_for_log(request_id)]
        assert entry["request_id"] == request_id
        assert entry["path"] == "/api/v1/users/logged"
        assert entry["status"] == 200
        assert entry["client"] == "127.0.0.1"
        assert "very-secret" not in process.log_text()
