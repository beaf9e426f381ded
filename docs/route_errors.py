"""The error codes of each route: those that its code can raise, and those that the framework answers with.

The services ship them as `errors.json`, from which their OpenAPI documents are made.
"""

from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from doorward_client.bearer_auth import BearerToken, InsufficientPermissionError, InsufficientScopeError
from doorward_client.errors import NotFoundError
from doorward_kit.dependencies import ServiceDependency
from doorward_kit.executors import OverloadedError
from doorward_kit.unit_of_work import DatabaseUnavailableError
from raised_errors import Errors, RaisedErrors

_OF_BODIES: Final = ("content_too_large", "unsupported_media_type")
_OF_DATABASES: Final = (DatabaseUnavailableError.code, OverloadedError.code)


def route_errors(app: FastAPI) -> dict[str, list[str]]:
    """Return the codes of each operation of the OpenAPI document, by its id."""
    finder = RaisedErrors()
    routes = [route for route in app.routes if isinstance(route, APIRoute) and route.include_in_schema]
    return {_id_of(route): sorted({*_raised(finder, route), *_answered(route)}) for route in routes}


def _id_of(route: APIRoute) -> str:
    return route.operation_id or route.unique_id


def _raised(finder: RaisedErrors, route: APIRoute) -> Iterator[str]:
    for dependant in _dependants(route.dependant):
        if isinstance(dependant.call, ServiceDependency) or dependant.call is None:
            continue
        services = {
            str(dependency.name): dependency.call.kind
            for dependency in dependant.dependencies
            if isinstance(dependency.call, ServiceDependency)
        }
        found: Errors = finder.of(dependant.call, services)
        if isinstance(dependant.call, BearerToken):
            # It takes one of two ways, by whether the route requires a permission.
            requires = bool(dependant.own_oauth_scopes)
            found -= {InsufficientScopeError if requires else InsufficientPermissionError}
        yield from (error.code for error in found)


def _answered(route: APIRoute) -> Iterator[str]:
    """Yield the codes that follow from the shape of the request."""
    flat = list(_dependants(route.dependant))
    if any(dependant.path_params for dependant in flat):
        yield NotFoundError.code
    if _takes_body(route):
        yield from _OF_BODIES
    if _takes_body(route, "application/json"):
        yield "invalid_json"
    if _takes_body(route) or any(dependant.query_params or dependant.header_params for dependant in flat):
        yield "validation_error"
    if any(isinstance(dependant.call, ServiceDependency) for dependant in flat):
        yield from _OF_DATABASES


def _takes_body(route: APIRoute, media_type: str | None = None) -> bool:
    """Return whether the route takes a body, or one of this type."""
    documented: dict[str, Any] = (route.openapi_extra or {}).get("requestBody", {}).get("content", {})
    return route.body_field is not None or (
        bool(documented) if media_type is None else media_type in documented
    )


def _dependants(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for dependency in dependant.dependencies:
        yield from _dependants(dependency)
