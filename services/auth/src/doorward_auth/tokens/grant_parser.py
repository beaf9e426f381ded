"""Reading a login: JSON as our clients send it, or the forms of OAuth2 (RFC 6749 sections 4.3.2 and 6)."""

from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from doorward_auth.oauth_forms import FORM_MEDIA_TYPE, is_form, read_form
from doorward_auth.tokens.errors import UnsupportedGrantTypeError
from doorward_auth.tokens.schemas import LoginRequest, RefreshRequest
from doorward_kit.routing import StrictRequest, require_json

M = TypeVar("M", bound=BaseModel)

OPENAPI_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": LoginRequest.model_json_schema()},
            FORM_MEDIA_TYPE: {
                "schema": {
                    "type": "object",
                    "properties": {
                        "grant_type": {"type": "string", "enum": ["password", "refresh_token"]},
                        "username": {"type": "string", "description": "The email address."},
                        "password": {"type": "string", "format": "password"},
                        "device_token": {"type": "string", "description": "Of an earlier login."},
                        "refresh_token": {"type": "string", "description": "Instead of the two others."},
                    },
                }
            },
        },
    }
}

OPENAPI_REFRESH: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": RefreshRequest.model_json_schema()}},
    }
}


async def _read_grant(request: Request) -> LoginRequest | RefreshRequest:
    if not is_form(request):
        return _validated(LoginRequest, await _read_json(request))
    form = await read_form(request)
    match form.get("grant_type", "password"):
        case "password":
            fields = {
                "email": form.get("username"),
                "password": form.get("password"),
                "device_token": form.get("device_token"),
            }
            return _validated(LoginRequest, {name: text for name, text in fields.items() if text is not None})
        case "refresh_token":
            return _validated(RefreshRequest, {name: form[name] for name in form if name == "refresh_token"})
        case _:
            raise UnsupportedGrantTypeError


async def _read_json(request: Request) -> Any:
    require_json(request)
    strict = StrictRequest(request.scope, request.receive)
    return await strict.json() if await strict.body() else None


def _validated(model: type[M], sent: Any) -> M:
    try:
        return model.model_validate(sent)
    except ValidationError as error:
        raise RequestValidationError(
            [{**one, "loc": ("body", *one["loc"])} for one in error.errors(include_url=False)]
        ) from None


async def _read_refresh(request: Request) -> RefreshRequest:
    return _validated(RefreshRequest, await _read_json(request))


Grant = Annotated[LoginRequest | RefreshRequest, Depends(_read_grant)]
Refresh = Annotated[RefreshRequest, Depends(_read_refresh)]
