"""The services and the body that endpoints of signing in depend on."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import BaseModel

from doorward_auth.bodies import is_form, read_form, read_json, validated
from doorward_auth.sign_in.errors import UnsupportedGrantTypeError
from doorward_auth.sign_in.grants import GRANTS, PASSWORD, GrantHandler
from doorward_auth.sign_in.service import SignInService
from doorward_kit.dependencies import provide

SignIns = Annotated[SignInService, provide(SignInService)]


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A grant type and its parameters."""

    handler: GrantHandler[Any]
    parameters: BaseModel


async def _token_request(request: Request) -> TokenRequest:
    """Read a request as JSON or as a form of OAuth2; raises UnsupportedGrantTypeError."""
    if is_form(request):
        form = await read_form(request)
        handler = _handler(form.get("grant_type", PASSWORD))
        return TokenRequest(handler, validated(handler.parameters, handler.from_form(form)))
    body = await read_json(request)
    handler = _handler(body.pop("grant_type", PASSWORD) if isinstance(body, dict) else PASSWORD)
    return TokenRequest(handler, validated(handler.parameters, body))


def _handler(grant_type: object) -> GrantHandler[Any]:
    if not isinstance(grant_type, str) or grant_type not in GRANTS:
        raise UnsupportedGrantTypeError
    return GRANTS[grant_type]


Grant = Annotated[TokenRequest, Depends(_token_request)]
