"""The description of an operation in OpenAPI: its id, and its errors before openapi_errors names them."""

from typing import Any, Final

from fastapi.routing import APIRoute

from doorward_client.errors import PROBLEM_MEDIA_TYPE

_REFERENCE: Final = {"content": {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}

PROBLEM_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"description": "The request is rejected.", **_REFERENCE},
    "5XX": {"description": "The service is unavailable or has failed.", **_REFERENCE},
}


def describe(description: str) -> dict[str, Any]:
    """Document one error status of a route."""
    return {"description": description, **_REFERENCE}


def operation_id(route: APIRoute) -> str:
    """Return the operation's id: the function's name in camel case, as generated clients use it."""
    first, *others = route.name.split("_")
    return first + "".join(word.capitalize() for word in others)
