"""HEAD, OPTIONS and the complete `Allow` of every path (RFC 9110 sections 9.1, 9.3.2, 9.3.7, 10.2.1)."""

import re
from collections.abc import Collection, Sequence
from typing import Final

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Message, Receive, Scope, Send

_PARAMETER_NAME: Final = re.compile(r"\{\w+")


def answer_other_methods(app: FastAPI, *, without_head: Collection[str] = ()) -> None:
    """Answer the methods that no operation of a path has. Call it after all routes are added.

    HEAD is answered as GET without the content, OPTIONS with 204, others with 405. `without_head` are paths
    whose GET is not safe: it uses something up, and a link checker sends HEAD without asking.
    """
    operations: dict[str, list[Route]] = {}
    for route in app.router.routes:
        if isinstance(route, Route):
            # Two operations may name a parameter of their path differently.
            operations.setdefault(_PARAMETER_NAME.sub("{", route.path), []).append(route)
    for routes in operations.values():
        path = routes[0].path
        other = Route(path, _OtherMethods(routes, has_head=path not in without_head))
        app.router.routes.insert(_place(app.router.routes, path), other)


def _place(routes: Sequence[BaseRoute], path: str) -> int:
    """Return where the route for the other methods of a path belongs.

    It is behind every operation, so that matching a request of an operation costs nothing more. But it is
    before a path whose parameter would match: `/users/{user_id}` for `/users/me`.
    """
    if "{" not in path:
        for place, route in enumerate(routes):
            if isinstance(route, Route) and route.path != path and route.path_regex.match(path):
                return place
    return len(routes)


class _OtherMethods:
    """Answers requests to one path, by methods that none of its routes has."""

    def __init__(self, routes: Sequence[Route], *, has_head: bool) -> None:
        methods = {method for route in routes for method in route.methods or ()}
        self._first = routes[0]
        self._get = next((route for route in routes if has_head and "GET" in (route.methods or ())), None)
        head = set() if self._get is None else {"HEAD"}
        self._allow = {"Allow": ", ".join(sorted(methods | head | {"OPTIONS"}))}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; raises HTTPException (405)."""
        scope["route"] = self._first  # for logs and metrics
        if scope["method"] == "HEAD" and self._get is not None:
            _, of_route = self._get.matches(scope)
            scope.update(of_route)
            await self._get.app(scope, receive, _HeaderSender(send))
        elif scope["method"] == "OPTIONS":
            await Response(status_code=204, headers=self._allow)(scope, receive, send)
        else:
            raise HTTPException(405, headers=self._allow)


class _HeaderSender:
    """Sends a response without its content. It ends at once, because an event stream would not."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._send(message)
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
