"""Routes whose JSON bodies are read strictly (see strict_json)."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from doorward_common import strict_json
from doorward_common.errors import InvalidBodyError

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


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


def strict_router(*, prefix: str, tag: str) -> APIRouter:
    """Return a router of strict routes under `prefix`."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=StrictRoute, redirect_slashes=False)
