"""Errors, limits, request ids and health of every service, tested with a small one."""

import json
import uuid
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Annotated, Any

import pytest
from fastapi import FastAPI
from pydantic import Field, SecretStr
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from doorward_auth.signing import Signer
from doorward_client.bearer_auth import requires
from doorward_client.errors import DoorwardError
from doorward_client.permissions import Permission
from doorward_client.tokens import Claims
from doorward_kit.app import ServiceDefinition, create_service
from doorward_kit.routing import StrictModel, api_router
from doorward_kit.settings import ServiceSettings
from unit.kit.offline import OfflineResources


class TeapotError(DoorwardError):
    status = 418
    code = "teapot"
    detail = "Short and stout."


class Order(StrictModel):
    password: SecretStr = Field(max_length=10)
    count: int = 1


router = api_router(prefix="/things", tag="things")


@router.get("/teapot")
async def teapot() -> None:
    raise TeapotError


@router.get("/bug")
async def bug() -> None:
    raise RuntimeError("a secret detail")


@router.post("")
async def order(body: Order) -> dict[str, int]:
    return {"count": body.count}


@router.get("/managed")
async def managed(_caller: Annotated[Claims, requires(Permission.USERS_WRITE)]) -> None:
    """Nothing to see."""


@router.get("/{number}")
async def get_thing(number: int, limit: int = 1) -> dict[str, int]:
    return {"number": number, "limit": limit}


THINGS = ServiceDefinition(
    name="things", description="", routers=[router], schema_problem=lambda _connection: None
)


@pytest.fixture
def app() -> FastAPI:
    settings = ServiceSettings(
        database_url=SecretStr("sqlite://"),
        secret_key=SecretStr("Zq3v9y2Bt6w1z5C8F4Ja7NcRfUjXn2r5"),
        max_body_bytes=1024,
        trusted_proxies=(ip_network("10.0.0.0/8"),),
        trust_proxy_request_id=True,
    )
    return create_service(THINGS, settings, OfflineResources(settings), owns_resources=True)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """Requests from the address 203.0.113.9, without a proxy."""
    with TestClient(app, client=("203.0.113.9", 50_000)) as client:
        yield client


@pytest.fixture
def behind_proxy(app: FastAPI) -> Iterator[TestClient]:
    """Requests through a trusted proxy."""
    with TestClient(app, client=("10.0.0.2", 50_000)) as client:
        yield client


def requests_of(lines: Sequence[MutableMapping[str, Any]]) -> list[MutableMapping[str, Any]]:
    return [line for line in lines if line["event"] == "http.request"]


def problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["code"] == code
    assert document["status"] == status
    assert document["type"] == f"urn:doorward:problem:{code}"
    assert document["request_id"] == response.headers["x-request-id"]
    return document


def test_a_domain_error_becomes_its_declared_problem(client: TestClient) -> None:
    assert problem(client.get("/things/teapot"), 418, "teapot")["detail"] == "Short and stout."


def test_a_bug_is_logged_without_details_in_the_response(client: TestClient) -> None:
    with capture_logs() as lines:
        response = client.get("/things/bug")
    problem(response, 500, "internal_error")
    assert "secret" not in response.text
    failed = next(line for line in lines if line["event"] == "http.unhandled_exception")
    assert failed["exc_info"]


def test_unknown_paths_and_methods_are_problems(client: TestClient) -> None:
    problem(client.get("/nothing"), 404, "not_found")
    problem(client.get("/things/"), 404, "not_found")
    response = client.delete("/things/teapot")
    problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "GET, HEAD, OPTIONS"


def test_a_malformed_id_in_a_path_is_not_found(client: TestClient) -> None:
    problem(client.get("/things/abc"), 404, "not_found")


def test_an_invalid_query_parameter_is_named(client: TestClient) -> None:
    document = problem(client.get("/things/1?limit=x"), 422, "validation_error")
    assert [error["pointer"] for error in document["errors"]] == ["query:limit"]


def test_an_invalid_body_names_fields_without_quoting_values(client: TestClient) -> None:
    body = {"password": "hunter2-hunter2", "count": "many", "a/b~c": 1}
    response = client.post("/things", json=body)
    document = problem(response, 422, "validation_error")
    assert {error["pointer"] for error in document["errors"]} == {"/password", "/count", "/a~1b~0c"}
    assert "hunter2" not in response.text


@pytest.mark.parametrize("raw", [b"{", b'{"count":NaN}', b'{"count":1,"count":2}', b'{"password":"\\ud800"}'])
def test_invalid_json_is_rejected(client: TestClient, raw: bytes) -> None:
    response = client.post("/things", content=raw, headers={"content-type": "application/json"})
    problem(response, 400, "invalid_json")


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/json; charset=utf-16"},
        {"content-type": "application/xml"},
        {"content-type": "application/json", "content-encoding": "gzip"},
        {"content-type": ""},
    ],
)
def test_another_content_type_is_rejected(client: TestClient, headers: dict[str, str]) -> None:
    problem(
        client.post("/things", content=b'{"password":"x"}', headers=headers), 415, "unsupported_media_type"
    )


def test_a_missing_body_is_reported_as_missing(client: TestClient) -> None:
    problem(client.post("/things"), 422, "validation_error")


def test_a_body_past_the_limit_is_rejected_with_or_without_content_length(client: TestClient) -> None:
    headers = {"content-type": "application/json"}
    problem(client.post("/things", content=b" " * 1025, headers=headers), 413, "content_too_large")
    chunks = iter([b" " * 600, b" " * 600])
    problem(client.post("/things", content=chunks, headers=headers), 413, "content_too_large")


def test_a_header_past_the_limit_is_rejected(client: TestClient) -> None:
    problem(client.get("/things/1", headers={"x-long": "a" * 40_000}), 431, "header_fields_too_large")


@pytest.mark.parametrize("sent", ["a b", "a\tb", "x" * 129, "<script>", ""])
def test_a_malformed_request_id_is_replaced(behind_proxy: TestClient, sent: str) -> None:
    headers = {"X-Request-ID": sent, "X-Client-Request-ID": sent}
    with capture_logs() as lines:
        received = behind_proxy.get("/things/1", headers=headers).headers["x-request-id"]
    assert received != sent
    assert len(received) == 32
    assert "client_request_id" not in requests_of(lines)[0]


def test_the_request_id_is_the_edges_and_the_clients_is_logged_as_well(behind_proxy: TestClient) -> None:
    headers = {"X-Request-ID": "edge-1", "X-Client-Request-ID": "incident-42"}
    with capture_logs() as lines:
        response = behind_proxy.get("/things/teapot", headers=headers)
    assert problem(response, 418, "teapot")["request_id"] == "edge-1"
    assert requests_of(lines)[0]["client_request_id"] == "incident-42"


def test_the_request_id_is_never_the_clients(client: TestClient) -> None:
    headers = {"X-Request-ID": "incident-42", "X-Client-Request-ID": "other"}
    with capture_logs() as lines:
        response = client.get("/things/teapot", headers=headers)
    assert len(problem(response, 418, "teapot")["request_id"]) == 32
    assert requests_of(lines)[0]["client_request_id"] == "incident-42"


def test_without_the_setting_the_id_of_a_trusted_proxy_is_the_clients() -> None:
    """Ingress controllers pass on what a client sends."""
    settings = ServiceSettings(
        database_url=SecretStr("sqlite://"),
        secret_key=SecretStr("Zq3v9y2Bt6w1z5C8F4Ja7NcRfUjXn2r5"),
        trusted_proxies=(ip_network("10.0.0.0/8"),),
    )
    app = create_service(THINGS, settings, OfflineResources(settings), owns_resources=True)
    headers = {"X-Request-ID": "incident-42", "X-Client-Request-ID": "other"}
    with capture_logs() as lines, TestClient(app, client=("10.0.0.2", 50_000)) as client:
        response = client.get("/things/teapot", headers=headers)
    assert len(problem(response, 418, "teapot")["request_id"]) == 32
    assert requests_of(lines)[0]["client_request_id"] == "incident-42"


def test_security_headers_are_on_every_answer(client: TestClient) -> None:
    for response in (client.get("/things/1"), client.get("/nothing"), client.get("/things/bug")):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in response.headers["content-security-policy"]


def test_each_request_is_one_log_line_with_its_route_and_no_query(client: TestClient) -> None:
    with capture_logs() as lines:
        client.get("/things/7?limit=2")
        client.get("/livez")
    [line] = requests_of(lines)
    assert (line["route"], line["status"]) == ("/things/{number}", 200)
    assert (line["client_ip"], line["peer"]) == ("203.0.113.9", "203.0.113.9")
    assert (line["user_id"], line["session_id"]) == (None, None)
    assert "limit" not in json.dumps(line)


def test_the_log_line_has_the_clients_address_and_the_proxys(behind_proxy: TestClient) -> None:
    with capture_logs() as lines:
        behind_proxy.get("/things/7", headers={"X-Forwarded-For": "198.51.100.1"})
    [line] = requests_of(lines)
    assert (line["client_ip"], line["peer"]) == ("198.51.100.1", "10.0.0.2")


def test_the_log_line_of_a_rejected_request_names_its_caller(app: FastAPI, client: TestClient) -> None:
    keys = app.state.resources.verification.keys
    user_id, session_id = uuid.uuid4(), uuid.uuid4()
    token = Signer(keys, issuer="doorward", audience="doorward", lifetime=300).sign(
        user_id=user_id,
        session_id=session_id,
        role="user",
        token_version=0,
        auth_time=datetime.now(UTC),
        acr="aal1",
        amr="pwd",
    )
    with capture_logs() as lines:
        response = client.get("/things/managed", headers={"Authorization": f"Bearer {token}"})
    problem(response, 403, "insufficient_permission")
    [line] = requests_of(lines)
    assert (line["user_id"], line["session_id"]) == (user_id, session_id)
    assert token not in json.dumps(lines, default=str)


def test_metrics_name_routes_and_not_paths(client: TestClient) -> None:
    client.get("/things/7")
    client.get("/made-up-by-a-scanner")
    client.request("BREW", "/things/7")
    text = client.get("/metrics").text
    assert 'doorward_http_requests_total{method="GET",route="/things/{number}",status="200"} 1.0' in text
    assert 'route="unmatched"' in text
    assert 'method="OTHER"' in text
    assert "scanner" not in text
    assert "BREW" not in text


def test_liveness_has_no_dependencies_and_readiness_fails_while_draining(
    app: FastAPI, client: TestClient
) -> None:
    assert client.get("/livez").status_code == 200
    assert client.get("/readyz").status_code == 200
    app.state.resources.drain()
    problem(client.get("/readyz"), 503, "not_ready")
    alive = client.get("/livez")
    assert (alive.status_code, alive.headers["connection"]) == (200, "close")


def test_docs_are_off_by_default(client: TestClient) -> None:
    problem(client.get("/docs"), 404, "not_found")
    problem(client.get("/openapi.json"), 404, "not_found")


def test_the_codes_of_errors_are_read_for_the_document_alone() -> None:
    read = []

    def errors() -> dict[str, list[str]]:
        read.append(1)
        return {"getThing": ["insufficient_permission"]}

    settings = ServiceSettings(
        database_url=SecretStr("sqlite://"), secret_key=SecretStr("Zq3v9y2Bt6w1z5C8F4Ja7NcRfUjXn2r5")
    )
    definition = replace(THINGS, errors=errors)
    app = create_service(definition, settings, OfflineResources(settings), owns_resources=True)
    assert read == []
    responses = app.openapi()["paths"]["/things/{number}"]["get"]["responses"]
    assert read == [1]
    assert "403" in responses
