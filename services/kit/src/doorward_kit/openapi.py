"""What every operation's documentation has in common: how refusals look."""

from typing import Any, Final

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from doorward_client.errors import PROBLEM_MEDIA_TYPE, FieldError, Problem

_SCHEMAS: Final = "#/components/schemas/"
_REFERENCE: Final = {"content": {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": _SCHEMAS + "Problem"}}}}

PROBLEM_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"description": "Refused.", **_REFERENCE},
    "5XX": {"description": "Cannot answer right now.", **_REFERENCE},
}


def refusal(description: str) -> dict[str, Any]:
    """Document one status of a route that is worth a word of its own."""
    return {"description": description, **_REFERENCE}


def setup_openapi(app: FastAPI) -> None:
    """Add the schemas that PROBLEM_RESPONSES points to.

    FastAPI would add them by itself, but as application/json.
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

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it
