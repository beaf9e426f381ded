"""Fast routes answer as FastAPI would, whatever the request; those that they cannot read do not start."""

import uuid
from enum import StrEnum
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.responses import JSONResponse, Response
from starlette.testclient import TestClient

from doorward_kit.fast_routes import FastRoute, FastRoutesApp
from doorward_kit.pagination import Limit
from doorward_kit.routing import StrictRoute, add_routes, api_router

SOME_ID = uuid.UUID(int=7)


class Sort(StrEnum):
    NAME = "name"
    TIME = "time"


async def caller(request: Request) -> str:
    if "authorization" not in request.headers:
        raise HTTPException(401)
    return request.headers["authorization"]


async def find(  # noqa: PLR0917 - a parameter of each kind
    item: uuid.UUID,
    who: Annotated[str, Depends(caller)],
    needed: Annotated[int, Query(ge=1)],
    q: Annotated[str | None, Query(min_length=1, max_length=5)] = None,
    role: Annotated[list[Sort] | None, Query()] = None,
    sort: Sort = Sort.TIME,
    limit: Limit = 50,
    if_match: Annotated[str | None, Header(max_length=5)] = None,
) -> Response:
    return JSONResponse([str(item), who, needed, q, role, sort, limit, if_match])


def app_of(route_class: type[StrictRoute]) -> TestClient:
    app = FastAPI()
    router = api_router(prefix="", tag="items", route_class=route_class)
    router.get("/items/{item}")(find)
    add_routes(app, router)
    return TestClient(app)


FAST, PLAIN = app_of(FastRoute), app_of(StrictRoute)

TEXTS = st.sampled_from(["", "1", "0", "50", "201", "name", "time", "x" * 6, "é", "a b", "null", "1.0", " 2"])
PAIRS = st.lists(
    st.tuples(st.sampled_from(["needed", "q", "role", "sort", "limit", "unknown", "if-match"]), TEXTS),
    max_size=6,
)
HEADERS = st.dictionaries(
    st.sampled_from(["If-Match", "Authorization"]), st.sampled_from(["x", "x" * 6]), max_size=2
)


@given(
    path=st.sampled_from([str(SOME_ID), "me", SOME_ID.hex, "%20"]),
    query=PAIRS,
    headers=HEADERS,
)
@example(str(SOME_ID), [("needed", "1")], {"Authorization": "x"})
@example(
    str(SOME_ID),
    [("needed", "1"), ("needed", "2"), ("role", "name"), ("role", "time")],
    {"Authorization": "x"},
)
@example(str(SOME_ID), [("needed", "1")], {"Authorization": "x", "If-Match": "x"})
@example(str(SOME_ID), [("needed", "1")], {"Authorization": "x", "If-Match": "x" * 6})
@example(str(SOME_ID), [], {"Authorization": "x"})
@example(str(SOME_ID), [], {})
def test_answers_are_those_of_fastapi(path: str, query: list[Any], headers: dict[str, str]) -> None:
    fast, plain = (one.get(f"/items/{path}", params=query, headers=headers) for one in (FAST, PLAIN))
    assert (fast.status_code, fast.content) == (plain.status_code, plain.content)


def test_a_valid_request_does_not_pass_through_fastapi(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("FastAPI resolved the parameters")

    monkeypatch.setattr("fastapi.routing.solve_dependencies", fail)
    valid = {"needed": "1", "q": "x", "role": "name", "limit": "3"}
    headers = {"Authorization": "x", "If-Match": "y"}
    assert FAST.get(f"/items/{SOME_ID}", params=valid, headers=headers).status_code == 200


async def takes_a_body(body: dict[str, str]) -> Response:
    return JSONResponse(body)


async def takes_more_than_the_request(who: Annotated[str, Depends(lambda limit: limit)]) -> Response:
    return JSONResponse(who)


async def takes_nested(who: Annotated[str, Depends(takes_more_than_the_request)]) -> Response:
    return JSONResponse(who)


@pytest.mark.parametrize("endpoint", [takes_a_body, takes_more_than_the_request, takes_nested])
def test_an_endpoint_that_it_cannot_call_is_rejected_at_start(endpoint: Any) -> None:
    with pytest.raises(TypeError):
        FastRoute("/items", endpoint)


async def answer_path(request: Request) -> Response:
    return JSONResponse([request.scope["route"].path, request.path_params])


def app_with_paths() -> TestClient:
    app = FastRoutesApp()
    fast = api_router(prefix="", tag="items", route_class=FastRoute)
    plain = api_router(prefix="", tag="items")

    async def answer(told: Annotated[Response, Depends(answer_path)]) -> Response:
        return told

    for router, path in ((fast, "/first"), (plain, "/{name}"), (fast, "/behind"), (fast, "/other/path")):
        router.get(path)(answer)
        add_routes(app, router)
        router.routes.clear()
    return TestClient(app)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/first", ["/first", {}]),
        ("/other/path", ["/other/path", {}]),
        ("/behind", ["/{name}", {"name": "behind"}]),
        ("/another", ["/{name}", {"name": "another"}]),
    ],
)
def test_a_path_is_answered_by_the_route_that_the_router_would_choose(path: str, expected: object) -> None:
    assert app_with_paths().get(path).json() == expected


def test_a_fast_path_is_found_without_the_router(monkeypatch: pytest.MonkeyPatch) -> None:
    client = app_with_paths()
    client.get("/first")  # finds the paths
    monkeypatch.setattr(FastRoute, "matches", None)
    assert client.get("/first").status_code == 200
