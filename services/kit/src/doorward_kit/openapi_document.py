"""The common parts of all OpenAPI documents: errors, entity tags, and names of bodies."""

import copy
from collections.abc import Collection
from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from doorward_client.errors import FieldError, Problem
from doorward_kit.oauth import OAuthError
from doorward_kit.openapi_errors import OperationErrors, add_errors, add_pages, error_texts
from doorward_kit.openapi_etags import add_etags

_SCHEMAS: Final = "#/components/schemas/"


def setup_openapi(
    app: FastAPI,
    errors: OperationErrors,
    oauth_routes: Collection[str] = (),
    page_routes: Collection[str] = (),
) -> None:
    """Add the errors and entity tags of each operation, and name the schemas of bodies that a route reads.

    `errors` returns the codes by operation id. Operations without any keep PROBLEM_RESPONSES. FastAPI would
    add the problems itself, but as application/json. `oauth_routes` answer errors of forms as OAuth clients
    expect, `page_routes` those of browsers as pages.
    """
    build = app.openapi
    app.state.operation_errors = errors

    def openapi() -> dict[str, Any]:
        document = build()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        models: list[type[BaseModel]] = [Problem, FieldError, OAuthError]
        _, problems = models_json_schema(
            [(model, "serialization") for model in models], ref_template=_SCHEMAS + "{model}"
        )
        schemas.update(problems["$defs"])
        examples: dict[str, Any] = {}
        texts, codes_of = error_texts(), app.state.operation_errors()
        for path, operations in document["paths"].items():
            for operation in operations.values():
                _name_bodies(operation, schemas)
                for parameter in operation.get("parameters", ()):
                    parameter["schema"] = _without_null(parameter["schema"])
                if codes := codes_of.get(operation["operationId"]):
                    add_errors(operation, codes, texts, examples, answers_forms=path in oauth_routes)
                if path in page_routes:
                    add_pages(operation)
        add_etags(document["paths"])
        if examples:
            document["components"]["examples"] = dict(sorted(examples.items()))
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # the documented way to extend it


def _name_bodies(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Move inline schemas with a title to `schemas`, because a generated client names a type after it."""
    if "requestBody" not in operation:
        return
    # A copy: the routes of another application have the same `openapi_extra`.
    operation["requestBody"] = copy.deepcopy(operation["requestBody"])
    for content in operation["requestBody"]["content"].values():
        schema = content["schema"]
        if "anyOf" in schema:
            schema["anyOf"] = [_named(variant, schemas) for variant in schema["anyOf"]]
        content["schema"] = _named(schema, schemas)


def _named(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    if "title" not in schema:
        return schema
    known = schemas.setdefault(schema["title"], schema)
    assert known == schema, f"two schemas are called {schema['title']}"
    return {"$ref": _SCHEMAS + schema["title"]}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter, which is absent instead of null."""
    kept = [variant for variant in schema.get("anyOf", ()) if variant != {"type": "null"}]
    if len(kept) != 1:
        return schema
    return {**kept[0], **{name: value for name, value in schema.items() if name != "anyOf"}}
