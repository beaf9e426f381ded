"""The example NGINX verifies every request to an application at the real auth."""

import re
import time
from collections.abc import Iterator

import httpx2
import pytest

from edge.ambiguous_paths import ADMIN_PATHS, AMBIGUOUS, SOFTENERS
from edge.protected_app import FORGED, WHO, ProtectedApp, ProtectedAppNginx, claims_of
from support.chain import Chain
from support.client import AUTH, assert_problem
from support.echo import EchoServer
from support.raw import exchange, statuses
from support.reaper import temporary_folder


@pytest.fixture(scope="module")
def shared_protected_app(chain: Chain) -> Iterator[ProtectedApp]:
    with (
        temporary_folder() as folder,
        EchoServer() as application,
        ProtectedAppNginx(folder, auth=chain.auth.port, application=application.port) as nginx,
    ):
        yield ProtectedApp(nginx, application, chain)


@pytest.fixture
def protected_app(shared_protected_app: ProtectedApp) -> ProtectedApp:
    """The same, with an empty record."""
    shared_protected_app.application.received.clear()
    return shared_protected_app


REINTERPRETING = [
    "X-Original-URL",
    "X-Original-URI",
    "X-Original-Host",
    "X-Original-Method",
    "X-Rewrite-URL",
    "X-Override-URL",
    "X-HTTP-Method",
    "X-HTTP-Method-Override",
    "X-Method-Override",
    "X-Forwarded-Prefix",
    "X-Forwarded-Port",
    "X-Forwarded-Server",
    "X-Forwarded-Scheme",
    "X-Forwarded-Protocol",
    "X-Forwarded-Ssl",
    "X-Forwarded-By",
    "X-Forwarded-User",
    "X-Forwarded-Email",
    "X-Forwarded-Groups",
    "X-Scheme",
    "X-Url-Scheme",
    "X-Script-Name",
    "X-Host",
    "X-HTTP-Host-Override",
    "X-Real-IP",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "Front-End-Https",
    "X-Remote-User",
    "Remote-User",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "Forwarded",
    "Proxy",
    "X-Doorward-User",
    "X-Doorward-Role",
    "X-Doorward-Session",
]


def assert_rejected(response: httpx2.Response, status: int, code: str) -> None:
    """Check the document of a rejection and its only challenge."""
    assert_problem(response, status, code)
    assert response.headers["cache-control"] == "no-store"
    [challenge] = response.headers.get_list("www-authenticate")
    assert challenge.startswith('Bearer realm="doorward"')
    expected = {"not_authenticated": None, "invalid_token": "invalid_token"}.get(code, "insufficient_scope")
    assert (f'error="{expected}"' in challenge) == (expected is not None)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_the_application_receives_the_caller_but_not_the_token(
    protected_app: ProtectedApp, method: str
) -> None:
    with protected_app.user() as client:
        response = client.http.request(method, "/reports/7?sort=name", headers={"X-Request-ID": "mine-7"})
        assert response.status_code == 200
        request_id = response.headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{32}", request_id)
        claims = claims_of(client)
    received = protected_app.received()
    assert (received.method, received.path) == (method, "/reports/7?sort=name")
    assert [received.values(name) for name in WHO] == [[claims["sub"]], ["user"], [claims["sid"]]]
    assert received.values("authorization") == []
    assert received.values("x-request-id") == [request_id]
    assert received.values("x-client-request-id") == ["mine-7"]
    assert str(client.tokens["access_token"]) not in str(received)


def test_nginx_accepts_the_configuration(protected_app: ProtectedApp) -> None:
    said = protected_app.nginx.check_config()
    assert "test is successful" in said
    assert "[warn]" not in said


def test_requests_without_a_valid_token_do_not_reach_the_application(protected_app: ProtectedApp) -> None:
    with protected_app.client() as client:
        for path in ("/", "/reports", "/admin/", "/nowhere"):
            assert_rejected(client.get(path), 401, "not_authenticated")
            assert_rejected(
                client.get(path, headers={"Authorization": "Bearer garbage"}), 401, "invalid_token"
            )
        assert_rejected(client.post("/reports", content=b"x" * 100_000), 401, "not_authenticated")
    assert protected_app.application.received == []


@pytest.mark.parametrize("path", ["/reports", "/admin/reports", "/public/page"])
def test_identity_headers_of_clients_are_replaced(protected_app: ProtectedApp, path: str) -> None:
    spellings = {
        **FORGED,
        **{name.replace("-", "_"): value for name, value in FORGED.items()},
        **{name.lower(): value for name, value in FORGED.items()},
        "Forwarded": "for=203.0.113.66",
        "Proxy": "http://203.0.113.66",
        "X-Forwarded-For": "203.0.113.66",
    }
    with protected_app.admin() as client:
        assert client.get(path, headers=spellings).status_code == 200
        claims = claims_of(client)
    received = protected_app.received()
    expected = [[], [], []] if path.startswith("/public/") else [[claims["sub"]], ["admin"], [claims["sid"]]]
    assert [received.values(name) for name in WHO] == expected
    for name, value in received.headers:
        assert "_" not in name
        assert value not in {*FORGED.values(), "203.0.113.66"} or (name, value) == (
            "x-doorward-role",
            "admin",
        )


@pytest.mark.parametrize("name", REINTERPRETING)
def test_headers_that_frameworks_reinterpret_are_removed(protected_app: ProtectedApp, name: str) -> None:
    spellings = [name, name.lower(), name.upper(), name.replace("-", "_")]
    with protected_app.user() as client:
        for spelling in spellings:
            assert client.get("/reports", headers={spelling: "/admin/"}).status_code == 200
    for received in protected_app.application.received:
        assert "/admin/" not in {value for _, value in received.headers}
        assert (received.method, received.path) == ("GET", "/reports")


@pytest.mark.parametrize("path", ["/reports", "/public/page"])
def test_preflights_reach_the_application_without_a_caller(protected_app: ProtectedApp, path: str) -> None:
    preflight = {
        "Origin": "https://app.example.com",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    with protected_app.client() as client:
        answer = client.http.request("OPTIONS", path, headers={**preflight, **FORGED})
    assert answer.status_code == 200
    received = protected_app.received()
    assert (received.method, received.path) == ("OPTIONS", path)
    assert [received.values(name) for name in WHO] == [[], [], []]


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("OPTIONS", {}),
        ("OPTIONS", {"Origin": "https://app.example.com"}),
        ("OPTIONS", {"Access-Control-Request-Method": "POST"}),
        ("GET", {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"}),
        ("POST", {"Origin": "https://app.example.com", "Access-Control-Request-Method": "OPTIONS"}),
    ],
)
def test_what_only_looks_like_a_preflight_needs_a_token(
    protected_app: ProtectedApp, method: str, headers: dict[str, str]
) -> None:
    with protected_app.client() as client:
        rejected = client.http.request(method, "/reports", headers=headers)
    assert_rejected(rejected, 401, "not_authenticated")
    assert protected_app.application.received == []


def test_forged_headers_do_not_authenticate(protected_app: ProtectedApp) -> None:
    with protected_app.client() as client:
        assert_rejected(client.get("/reports", headers=FORGED), 401, "not_authenticated")
        assert client.get("/public/page", headers=FORGED).status_code == 200
    assert [protected_app.received().values(name) for name in WHO] == [[], [], []]


def test_a_location_requires_an_administrator(protected_app: ProtectedApp) -> None:
    with protected_app.user() as user, protected_app.admin() as admin:
        for path in (*ADMIN_PATHS, *(f"/admin/reports{suffix}" for suffix in SOFTENERS)):
            assert protected_app.get_as_written(path, user) == (403, "insufficient_permission"), path
            assert protected_app.application.received == []
            assert protected_app.get_as_written(path, admin)[0] == 200
            assert protected_app.received().values("x-doorward-role") == ["admin"]
            protected_app.application.received.clear()


@pytest.mark.parametrize("path", AMBIGUOUS)
def test_ambiguous_paths_do_not_reach_the_application(protected_app: ProtectedApp, path: str) -> None:
    with protected_app.user() as user, protected_app.admin() as admin:
        for client in (user, admin):
            assert protected_app.get_as_written(path, client) == (400, "ambiguous_path")
    assert protected_app.application.received == []


@pytest.mark.parametrize("path", ["/.doorward/any-role", "/.doorward/admin", "/.refused", "/.unavailable"])
def test_internal_locations_are_not_found(protected_app: ProtectedApp, path: str) -> None:
    with protected_app.user() as client:
        assert client.get(path).status_code == 404
    assert protected_app.application.received == []


def test_a_logout_ends_access(protected_app: ProtectedApp) -> None:
    with protected_app.user() as client:
        assert client.get("/reports").status_code == 200
        left = httpx2.post(
            f"{protected_app.chain.auth.url}{AUTH}/logout",
            headers={"Authorization": str(client.http.headers["Authorization"])},
            trust_env=False,
        )
        assert left.status_code == 204
        left_at = asked = time.monotonic()
        while client.get("/reports").status_code == 200:
            assert asked - left_at < 2, "believed when it was asked two seconds later"
            asked = time.monotonic()
        assert_rejected(client.get("/reports"), 401, "invalid_token")


@pytest.mark.parametrize("accident", ["stopped", "frozen"])
def test_without_auth_requests_are_rejected(protected_app: ProtectedApp, accident: str) -> None:
    auth = protected_app.chain.auth
    with protected_app.user() as client, protected_app.client() as anonymous:
        if accident == "stopped":
            auth.stop()
        else:
            auth.freeze()
        try:
            for one, path in ((client, "/reports"), (client, "/admin/"), (anonymous, "/nowhere")):
                response = one.get(path)
                assert_problem(response, 503, "unavailable")
                assert response.headers["retry-after"] == "1"
                assert response.headers["cache-control"] == "no-store"
            assert_problem(client.post("/reports", content=b"x"), 503, "unavailable")
            assert protected_app.application.received == []
            # Public pages are still served.
            assert anonymous.get("/public/page").status_code == 200
        finally:
            if accident == "stopped":
                auth.start()
            else:
                auth.thaw()
        assert client.get("/reports").status_code == 200


def test_errors_of_the_application_are_passed_on(protected_app: ProtectedApp) -> None:
    with protected_app.user() as client:
        response = client.get("/busy")
        assert (response.status_code, response.headers["retry-after"]) == (503, "7")
        assert response.json() == {"path": "/busy"}


@pytest.mark.parametrize("name", ["length", "chunked", "empty"])
def test_bodies_are_sent_to_the_application_but_not_to_auth(protected_app: ProtectedApp, name: str) -> None:
    body = {"length": b"x" * 200_000, "chunked": iter([b"x" * 100_000] * 2), "empty": b""}[name]
    with protected_app.user() as client:
        assert client.post("/reports", content=body).status_code == 200
    expected = 0 if name == "empty" else 200_000
    received = protected_app.received()
    assert len(received.body) == expected or received.values("transfer-encoding") == ["chunked"]


@pytest.mark.parametrize("path", ["/reports?role=user", "/admin/reports?role=user"])
@pytest.mark.parametrize("name", ["length", "chunked"])
def test_auth_receives_only_the_token(protected_app: ProtectedApp, path: str, name: str) -> None:
    content = b"secret" * 20_000 if name == "length" else iter([b"secret" * 10_000] * 2)
    headers = {
        **FORGED,
        "Authorization": "Bearer the-token",
        "Cookie": "session=secret",
        "X-Request-ID": "mine-8",
        "Content-Type": "text/plain",
    }
    with (
        temporary_folder() as folder,
        EchoServer() as auth,
        ProtectedAppNginx(folder, auth=auth.port, application=protected_app.application.port) as nginx,
    ):
        answer = httpx2.post(nginx.url + path, content=content, headers=headers, trust_env=False)
        assert answer.status_code == 200
    [asked] = auth.received
    query = "?role=admin" if path.startswith("/admin/") else ""
    assert (asked.method, asked.path, asked.body) == ("GET", f"/api/v1/auth/verify{query}", b"")
    received = dict(asked.headers)
    assert re.fullmatch("[0-9a-f]{32}", received.pop("x-request-id"))
    assert received == {
        "host": "doorward_auth",
        "authorization": "Bearer the-token",
        "x-client-request-id": "mine-8",
    }


def test_two_authorization_headers_are_not_forwarded(protected_app: ProtectedApp) -> None:
    """Otherwise auth could verify the first and the application read the second."""
    with protected_app.user() as client:
        token = str(client.tokens["access_token"])
    request = (
        f"GET /reports HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nAuthorization: Bearer x\r\n"
        "Connection: close\r\n\r\n"
    )
    [status] = statuses(exchange(protected_app.nginx.port, request.encode()))
    # Newer releases reject, older ones use the first; the application sees neither.
    assert status in {200, 400, 401}
    for received in protected_app.application.received:
        assert received.values("authorization") == []
