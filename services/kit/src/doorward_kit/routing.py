"""Routes whose JSON bodies are read strictly (see strict_json)."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, cast

from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from doorward_client import strict_json
from doorward_client.errors import InvalidBodyError
from doorward_kit.openapi import PROBLEM_RESPONSES

Dependency = Callable[[Request], Awaitable[Any]]
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class StrictModel(BaseModel):
    """A request body: an unknown member is an error, and no error quotes what was sent."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class StrictRequest(Request):
    """A request whose `json()` refuses what strict_json refuses."""

    async def json(self) -> Any:
        """Parse the body; raises InvalidBodyError."""
        try:
            return strict_json.loads(await self.body())
        except strict_json.InvalidJsonError as error:
            raise InvalidBodyError(str(error)) from None


class StrictRoute(APIRoute):
    """A route that takes a JSON body as application/json in UTF-8, and as nothing else."""

    def get_route_handler(self) -> Handler:
        """Wrap FastAPI's handler of this route."""
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def handle_strictly(request: Request) -> Response:
            require_json(request)
            return await handle(StrictRequest(request.scope, request.receive))

        return handle_strictly


class FastRoute(StrictRoute):
    """A hot read: documented by FastAPI, which resolves its parameters only when a request has some.

    For an endpoint that returns a Response, whose dependencies take the request alone and whose
    other parameters are optional headers or queries. On such a route FastAPI's resolving costs more
    than everything else together.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        resolve = self.app
        dependencies: list[tuple[str, Dependency]] = [
            (str(one.name), cast("Dependency", one.call)) for one in self.dependant.dependencies
        ]
        optional = frozenset(one.alias.encode("latin-1") for one in self.dependant.header_params)

        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["query_string"] or any(name in optional for name, _ in scope["headers"]):
                await resolve(scope, receive, send)
                return
            request = Request(scope, receive)
            arguments = {name: await call(request) for name, call in dependencies}
            response = await endpoint(**arguments)
            await response(scope, receive, send)

        self.app = handle


def require_json(request: Request) -> None:
    """Raise 415 unless the request has no body, or says that it is JSON in UTF-8."""
    content_type = request.headers.get("content-type")
    if content_type is None:
        length = request.headers.get("content-length", "0")
        if length == "0" and "transfer-encoding" not in request.headers:
            return
        raise HTTPException(415)
    media_type, _, parameters = content_type.lower().partition(";")
    if media_type.strip() != "application/json" or "content-encoding" in request.headers:
        raise HTTPException(415)
    charset = parameters.replace(" ", "").replace('"', "")
    if charset not in {"", "charset=utf-8", "charset=utf8"}:
        raise HTTPException(415)


def api_router(*, prefix: str, tag: str, route_class: type[StrictRoute] = StrictRoute) -> APIRouter:
    """Return a router of strict routes under `prefix`."""
    return APIRouter(
        prefix=prefix,
        tags=[tag],
        route_class=route_class,
        responses=PROBLEM_RESPONSES,
        redirect_slashes=False,
    )


def add_routes(app: FastAPI, router: APIRouter) -> None:
    """Put a router's routes on the application itself.

    Unlike `include_router`, which matches every request against each router first and its routes
    after, and would hand FastRoute's requests to FastAPI.
    """
    app.router.routes.extend(router.routes)
