"""The service and the token that endpoints of introspection depend on."""

from typing import Annotated

from fastapi import Depends, Request

from doorward_auth.bodies import is_form, read_form
from doorward_auth.introspection.service import InvalidRequestError, TokenInspector
from doorward_auth.service_clients.dependencies import CallingClient
from doorward_kit.dependencies import provide

Inspector = Annotated[TokenInspector, provide(TokenInspector)]


# The client first: a caller that is none learns nothing about forms.
async def _presented_token(_client: CallingClient, request: Request) -> str:
    token = (await read_form(request)).get("token") if is_form(request) else None
    if not token:
        raise InvalidRequestError
    return token


PresentedToken = Annotated[str, Depends(_presented_token)]
