"""The error responses that every operation documents."""

from typing import Any, Final

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from doorward_client.errors import PROBLEM_MEDIA_TYPE, FieldError, Problem

_SCHEMAS: Final = "#/components/schemas/"
_REFERENCE: Final = {"content": {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": _SCHEMAS + "Problem"}}}}

PROBLEM_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"description": "The request is rejected.", **_REFERENCE},
    "5XX": {"description": "The service is unavailable or has failed.", **_REFERENCE},
}


def describe(description: str) -> dict[str, Any]:
    """Document one error status of a route."""
    return {"description": description, **_REFERENCE}


def setup_openapi(app: FastAPI) -> None:
    """Add the schemas that PROBLEM_RESPONSES refers to.

    FastAPI would add them itself, but as application/json.
    """
    build = app.openapi

    def openapi() -> dict[str, Any]:
        document = build()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        _, problems = models_json_schema(
            [(Problem, "serialization"), (FieldError, "serialization")], ref_template=_SCHEMAS + "{model}"
        )
        schemas.update(problems["$defs"])
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # the documented way to extend it
