"""Reading a login: JSON as our clients send it, or the form of OAuth2 (RFC 6749 section 4.3.2)."""

from typing import Annotated, Any, Final

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from doorward_auth.tokens.errors import UnsupportedGrantTypeError
from doorward_auth.tokens.schemas import LoginRequest
from doorward_common.routing import StrictRequest, require_json

FORM_MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
_MAX_FIELDS: Final = 10

OPENAPI_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": LoginRequest.model_json_schema()},
            FORM_MEDIA_TYPE: {
                "schema": {
                    "type": "object",
                    "required": ["username", "password"],
                    "properties": {
                        "grant_type": {"type": "string", "const": "password"},
                        "username": {"type": "string", "description": "The email address."},
                        "password": {"type": "string", "format": "password"},
                    },
                }
            },
        },
    }
}


async def _read_login(request: Request) -> LoginRequest:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    sent = await (_read_form(request) if media_type == FORM_MEDIA_TYPE else _read_json(request))
    try:
        return LoginRequest.model_validate(sent)
    except ValidationError as error:
        raise RequestValidationError(
            [{**one, "loc": ("body", *one["loc"])} for one in error.errors(include_url=False)]
        ) from None


async def _read_json(request: Request) -> Any:
    require_json(request)
    strict = StrictRequest(request.scope, request.receive)
    return await strict.json() if await strict.body() else None


async def _read_form(request: Request) -> dict[str, str]:
    async with request.form(max_files=0, max_fields=_MAX_FIELDS) as form:
        if form.get("grant_type", "password") != "password":
            raise UnsupportedGrantTypeError
        fields = {"email": form.getlist("username"), "password": form.getlist("password")}
        # A field given twice is read differently by the next parser: as if it were missing.
        return {
            name: values[0]
            for name, values in fields.items()
            if len(values) == 1 and not isinstance(values[0], UploadFile)
        }


Login = Annotated[LoginRequest, Depends(_read_login)]
