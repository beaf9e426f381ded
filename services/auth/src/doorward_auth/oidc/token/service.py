"""Requests of registered clients at the token endpoint: which they are, and who answers them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from doorward_auth.grant_types import REFRESH_TOKEN
from doorward_auth.oauth_errors import InvalidClientError, InvalidRequestError, UnauthorizedClientError
from doorward_auth.oidc.client_authentication import ClientAuthenticator, PresentedClient, presented_client
from doorward_auth.oidc.clients.client import RegisteredClient
from doorward_auth.oidc.provider import OpenIdProvider
from doorward_auth.oidc.token.grants import CLIENT_GRANTS, ClientGrantHandler, ClientGrantServices
from doorward_auth.oidc.token.issuing import ClientTokens
from doorward_auth.request_source import RequestSource

_WITHOUT_CLIENT: Final = frozenset({REFRESH_TOKEN})
"""Grant types that Doorward's own clients have, too, which are not registered."""


@dataclass(frozen=True, slots=True)
class ClientTokenRequest:
    """A request of an authenticated client, whose kind has the grant type."""

    client: RegisteredClient
    handler: ClientGrantHandler[Any]
    parameters: BaseModel


class ClientTokenService:
    """Answers registered clients."""

    def __init__(
        self, provider: OpenIdProvider, authenticator: ClientAuthenticator, services: ClientGrantServices
    ) -> None:
        self._provider = provider
        self._authenticator = authenticator
        self._services = services

    async def client_of(
        self, authorization: Sequence[str], form: Mapping[str, str]
    ) -> RegisteredClient | None:
        """Return the client that a form is from; None for a form of no registered client.

        While the provider is off, none is. Raises InvalidRequestError, InvalidClientError,
        UnauthorizedClientError.
        """
        if not self._provider.is_on:
            return None
        grant_type = form.get("grant_type", "")
        is_of_clients = grant_type in CLIENT_GRANTS.keys() - _WITHOUT_CLIENT
        presented = _presented(authorization, form, must_be_valid=is_of_clients)
        if not is_of_clients and not await self._is_registered(presented):
            return None
        client = await self._authenticator.authenticate(presented)
        if not grant_type:
            raise InvalidRequestError("grant_type is missing.")
        if not client.may_use(grant_type):
            raise UnauthorizedClientError
        return client

    async def answer(self, request: ClientTokenRequest, source: RequestSource) -> ClientTokens:
        """Return the tokens; raises as the grant's handler does."""
        tokens: ClientTokens = await request.handler.handle(
            self._services, request.client, request.parameters, source
        )
        return tokens

    async def _is_registered(self, presented: PresentedClient | None) -> bool:
        return presented is not None and await self._authenticator.is_registered(presented.client_id)


def _presented(
    authorization: Sequence[str], form: Mapping[str, str], *, must_be_valid: bool
) -> PresentedClient | None:
    try:
        return presented_client(authorization, form)
    except InvalidClientError:
        # Libraries for the password grant send an empty client, which says nothing.
        if must_be_valid:
            raise
        return None
