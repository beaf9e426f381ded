"""The service, the caller and the token that endpoints of introspection depend on."""

from typing import Annotated

from fastapi import Depends, Request

from doorward_auth.bodies import is_form, read_form
from doorward_auth.introspection.service import TokenCaller, TokenInspector
from doorward_auth.oauth_errors import InvalidClientError, InvalidRequestError
from doorward_auth.oidc.client_authentication import ClientAuthenticator, presented_client
from doorward_auth.service_clients.dependencies import BasicClient, ServiceClientsDep
from doorward_kit.dependencies import provide

Inspector = Annotated[TokenInspector, provide(TokenInspector)]
Authenticator = Annotated[ClientAuthenticator, provide(ClientAuthenticator)]


async def _caller(
    request: Request,
    clients: ServiceClientsDep,
    authenticator: Authenticator,
    header: Annotated[str | None, Depends(BasicClient())],
) -> TokenCaller:
    """Return the client that asks.

    Raises InvalidClientError, TooManyClientFailuresError, InvalidRequestError for two ways at once.
    """
    if clients.names(header):
        return TokenCaller(await clients.authenticate(header))
    form = await read_form(request) if is_form(request) else {}
    presented = presented_client(request.headers.getlist("authorization"), form)
    client = await authenticator.authenticate(presented)
    return TokenCaller(client.client_id, client)


async def _caller_with_secret(caller: Annotated[TokenCaller, Depends(_caller)]) -> TokenCaller:
    """Reject public clients, because the caller of introspection must authenticate (RFC 7662 section 2.1)."""
    if caller.registered is not None and not caller.registered.has_secret:
        raise InvalidClientError
    return caller


# The client first: a caller that is none learns nothing about forms.
async def _presented_token(_caller: Annotated[TokenCaller, Depends(_caller)], request: Request) -> str:
    token = (await read_form(request)).get("token") if is_form(request) else None
    if not token:
        raise InvalidRequestError("Send a form with the field `token`, once.")
    return token


AskingClient = Annotated[TokenCaller, Depends(_caller_with_secret)]
RevokingClient = Annotated[TokenCaller, Depends(_caller)]
PresentedToken = Annotated[str, Depends(_presented_token)]
