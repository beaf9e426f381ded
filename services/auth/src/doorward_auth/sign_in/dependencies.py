"""The services and the body that endpoints of signing in depend on."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import BaseModel

from doorward_auth.bodies import is_form, read_form, read_json, validated
from doorward_auth.captcha.dependencies import CaptchaHeader
from doorward_auth.grant_types import PASSWORD
from doorward_auth.oauth_errors import UnsupportedGrantTypeError
from doorward_auth.oidc.token.grants import CLIENT_GRANTS
from doorward_auth.oidc.token.service import ClientTokenRequest, ClientTokenService
from doorward_auth.sessions.dependencies import CurrentSource
from doorward_auth.sign_in.grants import GRANTS, GrantContext, GrantHandler
from doorward_auth.sign_in.service import SignInService
from doorward_auth.tokens.dependencies import Refreshes
from doorward_kit.dependencies import provide

SignIns = Annotated[SignInService, provide(SignInService)]
ClientTokenRequests = Annotated[ClientTokenService, provide(ClientTokenService)]


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A grant type and its parameters."""

    handler: GrantHandler[Any]
    parameters: BaseModel


async def _token_request(request: Request, clients: ClientTokenRequests) -> TokenRequest | ClientTokenRequest:
    """Read a request as JSON or as a form of OAuth2; raises UnsupportedGrantTypeError.

    Of a registered client, raises as ClientTokenService.client_of does.
    """
    if is_form(request):
        form = await read_form(request)
        if form.get("grant_type", PASSWORD) not in GRANTS.keys() | CLIENT_GRANTS.keys():
            raise UnsupportedGrantTypeError
        client = await clients.client_of(request.headers.getlist("authorization"), form)
        if client is not None:
            of_client = CLIENT_GRANTS[form["grant_type"]]
            parameters = validated(of_client.parameters, of_client.from_form(form))
            return ClientTokenRequest(client, of_client, parameters)
        handler = _handler(form.get("grant_type", PASSWORD))
        return TokenRequest(handler, validated(handler.parameters, handler.from_form(form)))
    body = await read_json(request)
    handler = _handler(body.pop("grant_type", PASSWORD) if isinstance(body, dict) else PASSWORD)
    return TokenRequest(handler, validated(handler.parameters, body))


def _handler(grant_type: object) -> GrantHandler[Any]:
    if not isinstance(grant_type, str) or grant_type not in GRANTS:
        raise UnsupportedGrantTypeError
    return GRANTS[grant_type]


Grant = Annotated[TokenRequest | ClientTokenRequest, Depends(_token_request)]


async def _grant_context(
    sign_ins: SignIns,
    refreshes: Refreshes,
    clients: ClientTokenRequests,
    source: CurrentSource,
    captcha: CaptchaHeader,
) -> GrantContext:
    return GrantContext(sign_ins, refreshes, clients, source, captcha)


Context = Annotated[GrantContext, Depends(_grant_context)]
