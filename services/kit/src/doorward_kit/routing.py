"""Routes with strictly parsed JSON bodies (strict_json); see fast_routes.py for the hottest."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.responses import Response

from doorward_client import strict_json
from doorward_client.errors import InvalidBodyError
from doorward_kit.openapi import PROBLEM_RESPONSES, operation_id

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class StrictModel(BaseModel):
    """Input from outside: an unknown member is an error, and no error quotes what was sent."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class StrictRequest(Request):
    """A request with a strict `json()`."""

    async def json(self) -> Any:
        """Parse the body; raises InvalidBodyError."""
        try:
            return strict_json.loads(await self.body())
        except strict_json.InvalidJsonError as error:
            raise InvalidBodyError(str(error)) from None


class StrictRoute(APIRoute):
    """A route that accepts a JSON body only as application/json in UTF-8."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def handle_strictly(request: Request) -> Response:
            require_json(request)
            return await handle(StrictRequest(request.scope, request.receive))

        return handle_strictly


def media_type_of(request: Request) -> str:
    """Return the media type of the body in lower case, without parameters; empty if there is none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def require_json(request: Request) -> None:
    """Raise 415 for a request with a body that is not declared as JSON in UTF-8."""
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
        generate_unique_id_function=operation_id,
    )


def add_routes(app: FastAPI, router: APIRouter) -> None:
    """Add a router's routes to the application itself.

    `include_router` would match every request against each router first, and pass the requests of a
    FastRoute through FastAPI.
    """
    app.router.routes.extend(router.routes)
