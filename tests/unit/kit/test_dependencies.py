"""Endpoints get their service by its class, and the start fails if the container lacks it."""

from dataclasses import dataclass
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI
from starlette.testclient import TestClient

from doorward_kit.dependencies import provide, setup_services
from doorward_kit.routing import add_routes, api_router


@dataclass(frozen=True)
class Clock:
    now: str


@dataclass(frozen=True)
class Services:
    clock: Clock


@dataclass(frozen=True)
class Ambiguous:
    clock: Clock
    other: Clock


@dataclass(frozen=True)
class Empty:
    pass


CurrentClock = Annotated[Clock, provide(Clock)]


async def _nested(clock: CurrentClock) -> str:
    return clock.now


def _app() -> FastAPI:
    app = FastAPI()
    router = api_router(prefix="/clock", tag="clock")

    @router.get("")
    async def read(clock: CurrentClock) -> str:
        return clock.now

    @router.get("/nested")
    async def nested(now: Annotated[str, Depends(_nested)]) -> str:
        return now

    add_routes(app, router)
    return app


@pytest.mark.parametrize("path", ["/clock", "/clock/nested"])
def test_an_endpoint_gets_the_service_of_its_class(path: str) -> None:
    app = _app()
    setup_services(app, Services(Clock("noon")))
    with TestClient(app) as client:
        assert client.get(path).json() == "noon"


def test_a_container_without_a_service_that_a_route_needs() -> None:
    with pytest.raises(TypeError, match="Empty has no Clock, which /clock needs"):
        setup_services(_app(), Empty())


def test_a_container_with_two_services_of_one_class() -> None:
    with pytest.raises(TypeError, match="Ambiguous has two fields of class Clock"):
        setup_services(_app(), Ambiguous(Clock("noon"), Clock("night")))
