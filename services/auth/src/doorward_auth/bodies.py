"""Bodies that several features share: forms of OAuth2 clients (RFC 6749 appendix B), JSON, and 202."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from doorward_auth.oauth_errors import InvalidRequestError
from doorward_kit.forms import URLENCODED
from doorward_kit.routing import StrictRequest, media_type_of, require_json

M = TypeVar("M", bound=BaseModel)

MAX_FIELDS: Final = 50
"""Parameters of a form, with those that the endpoint does not know and ignores (RFC 6749 section 3.2)."""


class AcceptedResponse(BaseModel):
    """The answer for every address: if there is something to do, a mail follows."""

    detail: str = Field(examples=["If the address is known, a mail is on its way."])


def is_form(request: Request) -> bool:
    """Tell whether the body says that it is a form."""
    return media_type_of(request) == URLENCODED


async def read_form(request: Request) -> dict[str, str]:
    """Read a form's fields; raises InvalidRequestError for one that comes twice, and for too many.

    A field without a value counts as omitted (RFC 6749 section 3.2).
    """
    try:
        async with request.form(max_files=0, max_fields=MAX_FIELDS) as form:
            fields = {name: form.getlist(name) for name in form}
    except HTTPException as error:
        if error.status_code != HTTPStatus.BAD_REQUEST:
            raise
        raise InvalidRequestError(f"The form has more than {MAX_FIELDS} fields.") from None
    if any(len(values) > 1 for values in fields.values()):
        raise InvalidRequestError("A field of the form comes twice.")
    return {name: value for name, (value,) in fields.items() if value and not isinstance(value, UploadFile)}


async def read_json(request: Request) -> Any:
    """Read a JSON body, None if it is empty; raises InvalidBodyError, and 415 for another media type."""
    require_json(request)
    strict = StrictRequest(request.scope, request.receive)
    return await strict.json() if await strict.body() else None


def validated(model: type[M], body: Any) -> M:
    """Validate a body; raises RequestValidationError."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise RequestValidationError(
            [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors(include_url=False)]
        ) from None


def form_body(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a form for OpenAPI."""
    return _request_body({URLENCODED: schema})


def form_of_texts(
    title: str, parameters: Mapping[str, str], *, required: Sequence[str] = ()
) -> dict[str, Any]:
    """Describe a form of texts for OpenAPI: the names of its parameters, and what each is."""
    schema: dict[str, Any] = {"title": title, "type": "object"}
    if required:
        schema["required"] = list(required)
    schema["properties"] = {
        name: {"type": "string", "description": text} for name, text in parameters.items()
    }
    return form_body(schema)


def query_of_texts(parameters: Mapping[str, str], *, required: Sequence[str] = ()) -> dict[str, Any]:
    """Describe a query of texts for OpenAPI: the names of its parameters, and what each is."""
    return {
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": name in required,
                "description": text,
                "schema": {"type": "string"},
            }
            for name, text in parameters.items()
        ]
    }


def json_or_form_body(
    json_schema: Mapping[str, Any], form_schema: Mapping[str, Any], *, required: bool = True
) -> dict[str, Any]:
    """Describe a body that may be either for OpenAPI."""
    return _request_body({"application/json": json_schema, URLENCODED: form_schema}, required=required)


def _request_body(schemas: Mapping[str, Mapping[str, Any]], *, required: bool = True) -> dict[str, Any]:
    content = {media_type: {"schema": schema} for media_type, schema in schemas.items()}
    return {"requestBody": {"required": required, "content": content}}


class DeviceTokenResponse(BaseModel):
    """The token of the device that a mailed code was entered on."""

    device_token: str = Field(description="Send it with the next login: others cannot block this device.")
