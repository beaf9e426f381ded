"""The services and the caller that endpoints of passwords depend on."""

from typing import Annotated, Final

from fastapi import Depends, Request

from doorward_auth.passwords.change import PasswordService
from doorward_auth.passwords.reset import ResetService
from doorward_client.bearer_auth import BearerToken
from doorward_client.tokens import Claims
from doorward_kit.dependencies import provide

Passwords = Annotated[PasswordService, provide(PasswordService)]
Resets = Annotated[ResetService, provide(ResetService)]

_BEARER: Final = BearerToken()


async def _caller_if_any(request: Request) -> Claims | None:
    return await _BEARER(request) if "authorization" in request.headers else None


OptionalCaller = Annotated[Claims | None, Depends(_caller_if_any)]
