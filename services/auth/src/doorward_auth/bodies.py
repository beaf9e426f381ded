"""Bodies that several features share: forms of OAuth2 clients (RFC 6749 appendix B), JSON, and 202."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError
from starlette.datastructures import UploadFile

from doorward_kit.routing import StrictRequest, require_json

M = TypeVar("M", bound=BaseModel)

FORM_MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
_MAX_FIELDS: Final = 10


class AcceptedResponse(BaseModel):
    """The answer for every address: if there is something to do, a mail follows."""

    detail: str = Field(examples=["If the address is known, a mail is on its way."])


def is_form(request: Request) -> bool:
    """Tell whether the body says that it is a form."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM_MEDIA_TYPE


async def read_form(request: Request) -> dict[str, str]:
    """Read a form's fields.

    A field that is given twice is ignored, because parsers differ on it (RFC 6749 section 3.2).
    """
    async with request.form(max_files=0, max_fields=_MAX_FIELDS) as form:
        fields = {name: form.getlist(name) for name in form}
    return {
        name: values[0]
        for name, values in fields.items()
        if len(values) == 1 and not isinstance(values[0], UploadFile)
    }


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
            [{**one, "loc": ("body", *one["loc"])} for one in error.errors(include_url=False)]
        ) from None


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """Describe a JSON body for OpenAPI."""
    return _request_body({"application/json": model.model_json_schema()})


def form_body(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a form for OpenAPI."""
    return _request_body({FORM_MEDIA_TYPE: schema})


def json_or_form_body(json_schema: Mapping[str, Any], form_schema: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a body that may be either for OpenAPI."""
    return _request_body({"application/json": json_schema, FORM_MEDIA_TYPE: form_schema})


def _request_body(schemas: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    content = {media_type: {"schema": schema} for media_type, schema in schemas.items()}
    return {"requestBody": {"required": True, "content": content}}


class DeviceTokenResponse(BaseModel):
    """The token of the device that a mailed code was entered on."""

    device_token: str = Field(description="Send it with the next login: others cannot block this device.")
