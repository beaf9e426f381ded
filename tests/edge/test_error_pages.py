"""Errors of HAProxy and NGINX: a page for a browser on its way to a page of auth, else a problem document."""

from collections.abc import Iterator

import httpx2
import pytest

from support.chain import Edge, running_edge
from support.client import Client, assert_problem
from support.echo import Backends
from support.ports import free_port

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
PAGES = ["/auth", "/auth/login?continue=/x", "/api/v1/auth/authorize?client_id=a", "/api/v1/auth/end-session"]
KIB = 1024


@pytest.fixture(scope="module")
def without_auth(_backends: Backends) -> Iterator[Edge]:
    """An edge whose auth is not there: NGINX answers for it."""
    with running_edge(free_port(), _backends.users.port, _backends.tickets.port) as edge:
        yield edge


@pytest.fixture(scope="module")
def without_nodes(_backends: Backends) -> Iterator[Edge]:
    """An edge whose NGINX is not there: HAProxy answers for it."""
    with running_edge(*_backends.ports) as edge:
        edge.nginx.kill9()
        yield edge


@pytest.fixture(params=["without_auth", "without_nodes"])
def away(request: pytest.FixtureRequest) -> Iterator[Client]:
    edge: Edge = request.getfixturevalue(request.param)
    with edge.client() as client:
        yield client


def assert_page(response: httpx2.Response, status: int) -> None:
    """Check that the answer is one page, which loads nothing, and that it names the request."""
    assert response.status_code == status
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-security-policy"].startswith("default-src 'none'; style-src")
    assert response.headers["cache-control"] == "no-store"
    assert response.text.count("<!doctype html>") == response.text.count("</html>") == 1
    assert response.headers["x-request-id"] in response.text
    for loads in ("src=", "href=", "<script", "url(", "@import"):
        assert loads not in response.text


@pytest.mark.parametrize("path", PAGES)
def test_a_browser_gets_a_page_while_nothing_can_answer(away: Client, path: str) -> None:
    answer = away.get(path, headers={"Accept": BROWSER})
    assert_page(answer, 503)
    assert answer.headers["retry-after"] == "5"
    assert_page(away.post(path, content=b"a=b", headers={"Accept": BROWSER}), 503)


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "application/json",
        "application/problem+json, text/plain",
        "application/json, text/html;q=0",
        "",
    ],
)
def test_a_program_gets_a_problem_document(away: Client, accept: str) -> None:
    for path in PAGES:
        assert_problem(away.get(path, headers={"Accept": accept}), 503, "unavailable")


@pytest.mark.parametrize(
    "path", ["/api/v1/auth/token", "/api/v1/auth/authorized", "/api/v1/auth/authorize/x", "/api/v1/auth"]
)
def test_the_api_has_problem_documents_for_browsers_too(away: Client, path: str) -> None:
    assert_problem(away.get(path, headers={"Accept": BROWSER}), 503, "unavailable")


def test_what_is_outside_of_both_is_a_problem_document(without_auth: Edge) -> None:
    with without_auth.client() as client:
        for path in ("/", "/authx", "/text/html"):
            assert_problem(client.get(path, headers={"Accept": BROWSER}), 404, "not_found")


def test_rejections_of_the_load_balancer_are_pages(client: Client) -> None:
    as_browser = {"Accept": BROWSER}
    assert_page(client.post("/auth/login", content=b"x" * (64 * KIB + 1), headers=as_browser), 413)
    assert_page(client.get("/auth/login?" + "x" * 8_000, headers=as_browser), 414)
    assert_page(client.get("/auth/login", headers={**as_browser, "X-Long": "x" * 8_200}), 431)
    assert_page(client.get("/auth/%00", headers=as_browser), 400)
    assert_problem(client.get("/auth/%00"), 400, "bad_request")


def test_too_many_requests_are_pages(_backends: Backends) -> None:
    env = {"DOORWARD_EDGE_SOURCE_REQUESTS_PER_10S": "3"}
    with running_edge(*_backends.ports, env=env) as edge, edge.client() as client:
        for _ in range(3):
            assert client.get("/auth/login").status_code == 200
        answer = client.get("/auth/login", headers={"Accept": BROWSER})
        assert_page(answer, 429)
        assert answer.headers["retry-after"] == "10"
        assert_problem(client.get("/auth/login"), 429, "too_many_requests")


def test_nginx_rejects_a_long_body_with_a_page(client: Client) -> None:
    """Without its length, which HAProxy would have measured."""
    chunks = (b"x" * 16_384 for _ in range(5))
    answer = client.post("/auth/login", content=chunks, headers={"Accept": BROWSER})
    assert_page(answer, 413)
    assert "longer than 64 KiB" in answer.text


def test_an_answer_that_is_lost_is_a_page(client: Client) -> None:
    answer = client.get("/auth/vanish", headers={"Accept": BROWSER})
    assert_page(answer, 502)
    assert "may have been carried out" in answer.text


def test_answers_of_the_service_stay_as_they_are(client: Client) -> None:
    answer = client.get("/auth/login", headers={"Accept": BROWSER})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert "content-security-policy" not in answer.headers
