"""Which pages may read answers, tested with a small service: rejections and errors too."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.responses import Response
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from doorward_kit.app import ServiceDefinition, create_service
from doorward_kit.cors import CorsRoutes
from doorward_kit.routing import api_router
from doorward_kit.settings import ServiceSettings
from unit.kit.offline import OfflineResources

ALLOWED = "https://app.example.com"
REGISTERED = "https://client.example"
THIRD = "https://third.example"

ALLOW_ORIGIN = "access-control-allow-origin"
CREDENTIALS = "access-control-allow-credentials"

router = api_router(prefix="/api/v1/things", tag="things")


@router.get("/cached")
async def cached() -> Response:
    return Response(status_code=304, headers={"ETag": '"1"', "Vary": "Accept-Language"})


@router.get("/bug")
async def bug() -> None:
    raise RuntimeError


@router.post("")
async def order(body: dict[str, int]) -> dict[str, int]:
    return body


THINGS = ServiceDefinition(
    name="things",
    description="",
    routers=[router],
    schema_problem=lambda _connection: None,
    cors_routes=CorsRoutes(
        public=["/api/v1/things/keys"],
        with_credentials=["/api/v1/things/{name}/token"],
        navigated=["/api/v1/things/{name}/callback"],
    ),
)


def app_allowing(*origins: str, has_registered: bool = False) -> FastAPI:
    settings = ServiceSettings(
        database_url=SecretStr("sqlite://"),
        secret_key=SecretStr("Zq3v9y2Bt6w1z5C8F4Ja7NcRfUjXn2r5"),
        max_body_bytes=1024,
        allowed_origins=origins,
    )
    registered = (lambda: frozenset({REGISTERED})) if has_registered else None
    return create_service(
        THINGS, settings, OfflineResources(settings), registered_origins=registered, owns_resources=True
    )


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(app_allowing(ALLOWED, has_registered=True), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def without_list() -> Iterator[TestClient]:
    with TestClient(app_allowing()) as client:
        yield client


def preflight(client: TestClient, path: str, origin: str, method: str = "PATCH") -> Any:
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    return client.options(path, headers={**asked, "Access-Control-Request-Headers": "if-match"})


def cors(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.startswith("access-control-")}


ANSWERS = {
    "304": ("GET", "/api/v1/things/cached", b"", 304),
    "404": ("GET", "/api/v1/nothing", b"", 404),
    "405": ("PUT", "/api/v1/things", b"", 405),
    "413": ("POST", "/api/v1/things", b"x" * 2_000, 413),
    "422": ("POST", "/api/v1/things", b"[]", 422),
    "500": ("GET", "/api/v1/things/bug", b"", 500),
}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("origin", [ALLOWED, REGISTERED, THIRD, "null", f"{ALLOWED}.third.example"])
def test_every_answer_is_readable_by_allowed_pages_alone(
    client: TestClient, answer: str, origin: str
) -> None:
    method, path, body, status = ANSWERS[answer]
    headers = {"Origin": origin, "Content-Type": "application/json"}
    with capture_logs():  # rendering a traceback takes seconds
        response = client.request(method, path, content=body, headers=headers)
    assert response.status_code == status
    assert "Origin" in response.headers["vary"]
    if origin in {ALLOWED, REGISTERED}:
        assert cors(response.headers) == {
            ALLOW_ORIGIN: origin,
            "access-control-expose-headers": "ETag, Idempotency-Replayed, Location, Retry-After,"
            " WWW-Authenticate, X-Request-ID",
        }
    else:
        assert cors(response.headers) == {}


def test_the_answers_to_no_page_vary_too_because_a_cache_may_keep_them(client: TestClient) -> None:
    assert client.get("/api/v1/things/cached").headers.get_list("vary") == ["Accept-Language, Origin"]


@pytest.mark.parametrize("path", ["/api/v1/things", "/api/v1/nothing"])
def test_a_preflight_is_answered_whatever_the_path(client: TestClient, path: str) -> None:
    with capture_logs() as lines:
        response = preflight(client, path, ALLOWED)
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers[ALLOW_ORIGIN] == ALLOWED
    assert "PATCH" in response.headers["access-control-allow-methods"]
    assert "if-match" in response.headers["access-control-allow-headers"].split(", ")
    assert response.headers["access-control-max-age"] == "600"
    assert "allow" not in response.headers
    assert [line for line in lines if line["event"] == "http.request"] == []


def test_a_preflight_of_a_third_page_permits_nothing(client: TestClient) -> None:
    response = preflight(client, "/api/v1/things", THIRD)
    assert response.status_code == 204
    assert cors(response.headers) == {}
    assert response.headers["vary"] == "Origin"


def test_a_preflight_is_counted_under_one_name(client: TestClient) -> None:
    preflight(client, "/api/v1/things/some-long-name", THIRD)
    metrics = client.get("/metrics").text
    assert 'route="preflight"' in metrics
    assert "some-long-name" not in metrics


def test_options_without_a_method_to_ask_for_names_the_methods_of_the_path(client: TestClient) -> None:
    response = client.options("/api/v1/things", headers={"Origin": ALLOWED})
    assert response.headers["allow"] == "OPTIONS, POST"
    assert response.headers[ALLOW_ORIGIN] == ALLOWED


def test_cookies_are_for_listed_origins_at_some_paths(client: TestClient) -> None:
    def credentials(path: str, origin: str) -> str | None:
        return client.get(path, headers={"Origin": origin}).headers.get(CREDENTIALS)

    assert credentials("/api/v1/things/a/token", ALLOWED) == "true"
    assert credentials("/api/v1/things/a/token", REGISTERED) is None
    assert credentials("/api/v1/things/a/token", THIRD) is None
    assert credentials("/api/v1/things/a/b/token", ALLOWED) is None
    assert credentials("/api/v1/things", ALLOWED) is None
    assert preflight(client, "/api/v1/things/a/token", ALLOWED, "POST").headers[CREDENTIALS] == "true"


@pytest.mark.parametrize("path", ["/readyz", "/metrics", "/auth/login", "/api/v1/things/a/callback"])
def test_what_is_not_of_the_api_or_navigated_to_is_not_readable(client: TestClient, path: str) -> None:
    assert cors(client.get(path, headers={"Origin": ALLOWED}).headers) == {}
    assert cors(preflight(client, path, ALLOWED).headers) == {}


@pytest.mark.parametrize("origin", [ALLOWED, THIRD, None])
def test_public_documents_are_readable_by_every_page_without_cookies(
    without_list: TestClient, origin: str | None
) -> None:
    headers = {} if origin is None else {"Origin": origin}
    response = without_list.get("/api/v1/things/keys", headers=headers)
    assert response.headers[ALLOW_ORIGIN] == "*"
    assert CREDENTIALS not in response.headers
    assert "vary" not in response.headers  # the same for every origin: one entry of a cache


def test_without_a_list_no_page_may_read_anything(without_list: TestClient) -> None:
    response = without_list.get("/api/v1/things/cached", headers={"Origin": ALLOWED})
    assert cors(response.headers) == {}
    assert response.headers["vary"] == "Accept-Language"
    assert cors(preflight(without_list, "/api/v1/things", ALLOWED).headers) == {}
