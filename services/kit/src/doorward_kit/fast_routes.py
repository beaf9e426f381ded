"""Fast routes: without FastAPI's resolution of parameters, which can cost more than a request's work."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

from fastapi import FastAPI, Request
from fastapi._compat import ModelField, field_annotation_is_sequence
from fastapi.dependencies.models import Dependant
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from starlette.datastructures import Headers, QueryParams
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from doorward_kit.routing import StrictRoute

Dependency = Callable[[Request], Awaitable[Any]]


class FastRoute(StrictRoute):
    """A route that reads valid parameters itself; FastAPI answers requests with others.

    It is for endpoints that return a Response, without a body, and whose dependencies take the request alone.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        resolve = AsyncExitStackMiddleware(self.app)
        parameters = _Parameters(self.dependant)
        dependencies = _dependencies(self.dependant)

        async def handle(scope: Scope, receive: Receive, send: Send) -> None:
            request = Request(scope, receive)
            arguments = parameters.read(request)
            if arguments is None:
                # FastAPI checks the caller first, and says what is wrong with which parameter.
                await resolve(scope, receive, send)
                return
            for name, call in dependencies:
                arguments[name] = await call(request)
            response = await endpoint(**arguments)
            await response(scope, receive, send)

        self.app = handle


class _Parameter(NamedTuple):
    """A parameter of the endpoint: its name there and in requests, and what reads its text or texts."""

    name: str
    alias: str
    is_list: bool
    validate: Callable[[str | list[str]], tuple[Any, Sequence[Any]]]


class _Parameters:
    """The parameters of an endpoint, apart from its dependencies and its body."""

    def __init__(self, dependant: Dependant) -> None:
        fields = (*dependant.path_params, *dependant.query_params, *dependant.header_params)
        self._path = _described(dependant.path_params)
        self._query = _described(dependant.query_params)
        self._headers = _described(dependant.header_params)
        self._header_names = frozenset(header.alias.lower().encode("ascii") for header in self._headers)
        self._defaults: Final = {
            field.name: field.default for field in fields if not field.field_info.is_required()
        }
        self._count: Final = len(fields)

    def read(self, request: Request) -> dict[str, Any] | None:
        """Return the arguments, None if a parameter is missing or invalid."""
        arguments = dict(self._defaults)
        for name, alias, _, validate in self._path:
            arguments[name], errors = validate(request.path_params[alias])
            if errors:
                return None
        is_valid = (
            not request.scope["query_string"] or _read(self._query, request.query_params, arguments)
        ) and (
            self._header_names.isdisjoint(name for name, _ in request.scope["headers"])
            or _read(self._headers, request.headers, arguments)
        )
        return arguments if is_valid and len(arguments) == self._count else None


def _described(fields: Sequence[ModelField]) -> Sequence[_Parameter]:
    return [
        _Parameter(
            field.name,
            field.validation_alias or field.alias,
            field_annotation_is_sequence(field.field_info.annotation),
            field.validate,
        )
        for field in fields
    ]


def _read(parameters: Sequence[_Parameter], texts: QueryParams | Headers, into: dict[str, Any]) -> bool:
    """Add the arguments of the parameters that are there; return whether all of these are valid."""
    for name, alias, is_list, validate in parameters:
        text = texts.getlist(alias) if is_list else texts.get(alias)
        if not text and (is_list or text is None):
            continue
        into[name], errors = validate(text)
        if errors:
            return False
    return True


def _dependencies(dependant: Dependant) -> Sequence[tuple[str, Dependency]]:
    if dependant.body_params or dependant.cookie_params:
        raise TypeError("a fast route has no body and no cookies as parameters")
    for dependency in dependant.dependencies:
        if dependency.dependencies or not dependency.request_param_name:
            raise TypeError(f"{dependency.name} is no dependency of the request alone")
    return [
        (str(dependency.name), cast("Dependency", dependency.call)) for dependency in dependant.dependencies
    ]


class FastRoutesApp(FastAPI):
    """An application with few layers, which finds fast routes with a constant path by one look-up.

    The router matches the patterns of all routes in turn, which can cost as much as such a route. Of the
    layers that FastAPI would add, one is for telemetry, and two do what RequestMiddleware does.
    """

    def build_middleware_stack(self) -> ASGIApp:
        """Build the layers at the first request, when all routes are there."""
        app: ASGIApp = _ExactPaths(_exact_paths(self), AsyncExitStackMiddleware(self.router))
        app = ExceptionMiddleware(app, self.exception_handlers)
        for layer, arguments, options in reversed(self.user_middleware):
            app = layer(app, *arguments, **options)
        return app


class _ExactPaths:
    """Passes each request to the route of its method and path, others to `router`."""

    def __init__(self, routes: Mapping[tuple[str, str], FastRoute], router: ASGIApp) -> None:
        self._routes = routes
        self._router = router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None:
            await self._router(scope, receive, send)
        else:
            scope.update(route=route, endpoint=route.endpoint, path_params={})
            await route.app(scope, receive, send)


def _exact_paths(app: FastAPI) -> dict[tuple[str, str], FastRoute]:
    """Return the routes that the router would choose for their own path."""
    routes: dict[tuple[str, str], FastRoute] = {}
    for route in app.router.routes:
        if isinstance(route, FastRoute) and not route.param_convertors:
            for method in route.methods or ():
                scope = {"type": "http", "method": method, "path": route.path, "root_path": ""}
                chosen = next(route for route in app.router.routes if route.matches(scope)[0] is Match.FULL)
                if chosen is route:
                    routes[method, route.path] = route
    return routes
