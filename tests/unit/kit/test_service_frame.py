"""What every service installs: errors, limits, ids, health, seen through one small service."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from doorward_client.errors import DoorwardError
from doorward_client.revocations.models import FetchedRevocations, RevocationEntries, RevocationSource
from doorward_kit.app import AppResources, create_service
from doorward_kit.routing import api_router
from doorward_kit.settings import ServiceSettings


class TeapotError(DoorwardError):
    status = 418
    code = "teapot"
    detail = "Short and stout."


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

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


@router.get("/{number}")
async def thing(number: int, limit: int = 1) -> dict[str, int]:
    return {"number": number, "limit": limit}


class _NothingRevoked:
    async def fetch(self) -> FetchedRevocations:
        return FetchedRevocations(RevocationEntries())

    def problem(self) -> str | None:
        return None

    def warning(self) -> str | None:
        return None

    async def close(self) -> None:
        """Nothing was opened."""


class _Runtime(AppResources):
    def revocation_source(self, _settings: ServiceSettings) -> RevocationSource:
        return _NothingRevoked()


@pytest.fixture
def app() -> FastAPI:
    settings = ServiceSettings(
        database_url=SecretStr("sqlite://"),
        secret_key=SecretStr("Zq3v9y2Bt6w1z5C8F4Ja7NcRfUjXn2r5"),
        max_body_bytes=1024,
    )
    runtime = _Runtime(settings)
    return create_service(
        "things",
        "",
        settings,
        runtime,
        routers=[router],
        schema_problem=lambda _connection: None,
        owns_runtime=True,
    )


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


def problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["code"] == code
    assert document["status"] == status
    assert document["type"] == f"urn:doorward:problem:{code}"
    assert document["request_id"] == response.headers["x-request-id"]
    return document


def test_a_domain_error_says_what_it_declares(client: TestClient) -> None:
    assert problem(client.get("/things/teapot"), 418, "teapot")["detail"] == "Short and stout."


def test_a_bug_is_logged_and_not_told(client: TestClient) -> None:
    with capture_logs() as lines:
        response = client.get("/things/bug", headers={"X-Request-ID": "find-me"})
    document = problem(response, 500, "internal_error")
    assert "secret" not in response.text
    assert document["request_id"] == "find-me"
    failed = next(line for line in lines if line["event"] == "http.unhandled_exception")
    assert failed["exc_info"]


def test_unknown_addresses_and_methods(client: TestClient) -> None:
    problem(client.get("/nothing"), 404, "not_found")
    problem(client.get("/things/"), 404, "not_found")
    response = client.delete("/things/teapot")
    problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "GET"


def test_a_path_of_the_wrong_shape_names_nothing(client: TestClient) -> None:
    problem(client.get("/things/abc"), 404, "not_found")


def test_a_query_of_the_wrong_shape_is_named(client: TestClient) -> None:
    document = problem(client.get("/things/1?limit=x"), 422, "validation_error")
    assert [one["pointer"] for one in document["errors"]] == ["query:limit"]


def test_an_invalid_body_names_the_fields_and_never_what_was_sent(client: TestClient) -> None:
    body = {"password": "hunter2-hunter2", "count": "many", "a/b~c": 1}
    response = client.post("/things", json=body)
    document = problem(response, 422, "validation_error")
    assert {one["pointer"] for one in document["errors"]} == {"/password", "/count", "/a~1b~0c"}
    assert "hunter2" not in response.text


@pytest.mark.parametrize("raw", [b"{", b'{"count":NaN}', b'{"count":1,"count":2}', b'{"password":"\\ud800"}'])
def test_a_body_that_is_no_json(client: TestClient, raw: bytes) -> None:
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
def test_a_body_of_another_type(client: TestClient, headers: dict[str, str]) -> None:
    problem(
        client.post("/things", content=b'{"password":"x"}', headers=headers), 415, "unsupported_media_type"
    )


def test_no_body_at_all_is_a_missing_one(client: TestClient) -> None:
    problem(client.post("/things"), 422, "validation_error")


def test_a_body_past_the_limit_announced_or_not(client: TestClient) -> None:
    headers = {"content-type": "application/json"}
    problem(client.post("/things", content=b" " * 1025, headers=headers), 413, "content_too_large")
    chunks = iter([b" " * 600, b" " * 600])
    problem(client.post("/things", content=chunks, headers=headers), 413, "content_too_large")


def test_a_header_past_the_limit(client: TestClient) -> None:
    problem(client.get("/things/1", headers={"x-long": "a" * 40_000}), 431, "header_fields_too_large")


@pytest.mark.parametrize("sent", ["a b", "a\tb", "x" * 129, "<script>", ""])
def test_a_malformed_request_id_is_replaced(client: TestClient, sent: str) -> None:
    received = client.get("/things/1", headers={"X-Request-ID": sent}).headers["x-request-id"]
    assert received != sent
    assert len(received) == 32


def test_security_headers_are_on_every_answer(client: TestClient) -> None:
    for response in (client.get("/things/1"), client.get("/nothing"), client.get("/things/bug")):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in response.headers["content-security-policy"]


def test_each_request_is_one_log_line_with_its_route_and_no_query(client: TestClient) -> None:
    with capture_logs() as lines:
        client.get("/things/7?limit=2")
        client.get("/livez")
    requests = [line for line in lines if line["event"] == "http.request"]
    assert [(line["route"], line["status"]) for line in requests] == [("/things/{number}", 200)]
    assert "limit" not in json.dumps(requests)


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


def test_liveness_asks_nobody_and_readiness_stops_with_draining(app: FastAPI, client: TestClient) -> None:
    assert client.get("/livez").status_code == 200
    assert client.get("/readyz").status_code == 200
    app.state.runtime.drain()
    problem(client.get("/readyz"), 503, "not_ready")
    alive = client.get("/livez")
    assert (alive.status_code, alive.headers["connection"]) == (200, "close")


def test_docs_are_off_unless_asked_for(client: TestClient) -> None:
    problem(client.get("/docs"), 404, "not_found")
    problem(client.get("/openapi.json"), 404, "not_found")
