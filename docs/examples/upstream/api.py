"""An identity API to try Doorward's upstreams with. It can be told to fail, as such APIs do.

Run it on 127.0.0.1:9009: python docs/examples/upstream/api.py [PORT]

    POST /api/register        multipart: username, email, password, name, image
    POST /api/login           JSON: username, password
    POST /api/token/refresh   JSON: refresh
    GET  /api/me              with the access token
    GET  /control             the number of requests by path
    POST /control             JSON: {"mode": "html500", "path": "/api/register", "times": 1, "seconds": 30}
    POST /control/revoke      revokes every refresh token

Modes: ok; html500 (the page of a server in debug mode); slow (answers after `seconds`); half (breaks off in
the middle of the body); throttled (429); silent (no answer until another mode is set). With {"after": true}
the request takes effect before it fails. Without `path` a mode is for every path, without `times` until the
next one.

EXAMPLE_ACCESS_SECONDS sets the lifetime of access tokens (60), EXAMPLE_MODE the first mode.
"""

import asyncio
import html
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from accounts import (  # type: ignore[import-not-found]  # it is in the folder of this file, which is run as a script
    Accounts,
    InvalidTokenError,
    TakenError,
    WrongPasswordError,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

MAX_IMAGE_BYTES = 1_048_576

accounts = Accounts(access_seconds=int(os.environ.get("EXAMPLE_ACCESS_SECONDS", "60")))
requests: Counter[str] = Counter()


@dataclass
class Mode:
    """How requests fail."""

    name: str = "ok"
    path: str | None = None
    times: int | None = None
    seconds: float = 30
    after: bool = False
    is_over: asyncio.Event = field(default_factory=asyncio.Event)

    def is_for(self, path: str) -> bool:
        """Tell whether a request fails, and count it."""
        if self.name == "ok" or self.path not in (None, path) or self.times == 0:
            return False
        if self.times is not None:
            self.times -= 1
        return True


mode = Mode(os.environ.get("EXAMPLE_MODE", "ok"))

Handler = Callable[[Request], Awaitable[Response]]


def failing(handler: Handler) -> Handler:
    """Let requests fail as the mode says."""

    async def handle(request: Request) -> Response:
        requests[request.url.path] += 1
        current = mode
        if not current.is_for(request.url.path):
            return await handler(request)
        if current.after or current.name == "slow":
            answer = await handler(request)
        else:
            answer = JSONResponse({"detail": "The request was not handled."})
        return await fail(request, current, answer)

    return handle


async def fail(request: Request, current: Mode, answer: Response) -> Response:
    """Return the failure of a mode instead of an answer."""
    match current.name:
        case "html500":
            return HTMLResponse(debug_page(request.url.path), 500, {"X-Request-Id": "example-500"})
        case "throttled":
            headers = {"Retry-After": str(int(current.seconds))}
            return JSONResponse({"detail": "Request was throttled."}, 429, headers)
        case "half":
            headers = {"Content-Length": str(len(answer.body)), "Content-Type": "application/json"}
            return StreamingResponse(half(bytes(answer.body)), answer.status_code, headers)
        case "slow":
            await asyncio.sleep(current.seconds)
        case "silent":
            await current.is_over.wait()
    return answer


async def half(body: bytes) -> AsyncIterator[bytes]:
    """Send the first half of a body, and break off the connection."""
    yield body[: len(body) // 2]
    raise ConnectionAbortedError("the mode is half")


def debug_page(path: str) -> str:
    """Return what a framework in debug mode answers when its own code fails."""
    title = html.escape(f"AttributeError at {path}")
    return (
        f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1>"
        "<pre>&#x27;NoneType&#x27; object has no attribute &#x27;save&#x27;</pre></body></html>"
    )


async def register(request: Request) -> Response:
    async with request.form(max_files=1, max_fields=10) as form:
        values = {name: form.get(name) for name in ("username", "email", "password", "name")}
        missing = [name for name, value in values.items() if not isinstance(value, str) or not value]
        if missing:
            return JSONResponse({name: ["This field is required."] for name in missing}, 400)
        given = {name: str(value) for name, value in values.items()}
        image = form.get("image")
        picture = None
        if image is not None and not isinstance(image, str):
            content = await image.read(MAX_IMAGE_BYTES + 1)
            if len(content) > MAX_IMAGE_BYTES:
                return JSONResponse({"image": ["The picture is too large."]}, 400)
            picture = {"bytes": len(content), "media_type": image.content_type}
    try:
        account = accounts.register(**given)
    except TakenError:
        return JSONResponse({"email": ["A user with this email address exists."]}, 409)
    account.image = picture
    return JSONResponse(accounts.issue(account), 201)


async def log_in(request: Request) -> Response:
    given = await request.json()
    try:
        account = accounts.log_in(str(given.get("username")), str(given.get("password")))
    except WrongPasswordError:
        return JSONResponse({"detail": "No account has this user name and password."}, 401)
    return JSONResponse(accounts.issue(account))


async def refresh(request: Request) -> Response:
    try:
        return JSONResponse(accounts.refresh(str((await request.json()).get("refresh"))))
    except InvalidTokenError:
        return JSONResponse({"detail": "Token is invalid or expired", "code": "token_not_valid"}, 401)


async def me(request: Request) -> Response:
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    try:
        return JSONResponse(accounts.account_of(token).document())
    except InvalidTokenError:
        return JSONResponse({"detail": "Token is invalid or expired"}, 401)


async def show(_request: Request) -> Response:
    return JSONResponse({"mode": mode.name, "requests": requests})


async def control(request: Request) -> Response:
    given: dict[str, Any] = await request.json()
    global mode  # noqa: PLW0603 - the state of this small process
    mode.is_over.set()
    mode = Mode(given.pop("mode"), **given)
    return await show(request)


async def revoke(request: Request) -> Response:
    accounts.revoke_all()
    return await show(request)


app = Starlette(
    routes=[
        Route("/api/register", failing(register), methods=["POST"]),
        Route("/api/login", failing(log_in), methods=["POST"]),
        Route("/api/token/refresh", failing(refresh), methods=["POST"]),
        Route("/api/me", failing(me)),
        Route("/control", show),
        Route("/control", control, methods=["POST"]),
        Route("/control/revoke", revoke, methods=["POST"]),
    ]
)

if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 9009
    # Requests that never end by design do not keep it from stopping.
    uvicorn.run(app, port=port, log_level="warning", timeout_graceful_shutdown=1)
