"""The grant types of registered clients at `POST /token`, by name: a new one is one more entry."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel, Field, SecretStr

from doorward_auth.grant_types import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, REFRESH_TOKEN
from doorward_auth.oidc.clients.client import RegisteredClient
from doorward_auth.oidc.token.client_credentials import MachineTokens
from doorward_auth.oidc.token.code_exchange import CodeExchange, CodeRequest
from doorward_auth.oidc.token.issuing import ClientTokens
from doorward_auth.oidc.token.refresh import ClientRefresh, ClientRefreshRequest
from doorward_auth.request_source import RequestSource
from doorward_identity.oauth_tables import SCOPE_LENGTH, URI_LENGTH
from doorward_kit.routing import StrictModel

M = TypeVar("M", bound=BaseModel)


class CodeParameters(StrictModel):
    """RFC 6749 section 4.1.3, RFC 7636 section 4.5 and RFC 8707 section 2.2."""

    code: SecretStr = Field(max_length=256)
    redirect_uri: str = Field(max_length=URI_LENGTH)
    code_verifier: SecretStr | None = Field(default=None, max_length=128)
    resource: str | None = Field(default=None, max_length=URI_LENGTH)


class RefreshParameters(StrictModel):
    """RFC 6749 section 6 and RFC 8707 section 2.2."""

    refresh_token: SecretStr = Field(max_length=256)
    scope: str | None = Field(default=None, max_length=SCOPE_LENGTH)
    resource: str | None = Field(default=None, max_length=URI_LENGTH)


class MachineParameters(StrictModel):
    """RFC 6749 section 4.4.2 and RFC 8707 section 2."""

    scope: str | None = Field(default=None, max_length=SCOPE_LENGTH)
    resource: str | None = Field(default=None, max_length=URI_LENGTH)


@dataclass(frozen=True, slots=True)
class ClientGrantServices:
    """The services that handle grants."""

    codes: CodeExchange
    refreshes: ClientRefresh
    machines: MachineTokens


@dataclass(frozen=True, slots=True)
class ClientGrantHandler(Generic[M]):
    """A grant type: its parameters, and what it does for an authenticated client."""

    parameters: type[M]
    handle: Callable[[ClientGrantServices, RegisteredClient, M, RequestSource], Awaitable[ClientTokens]]

    def from_form(self, form: Mapping[str, str]) -> dict[str, str]:
        """Return the parameters of a form; it may have further fields (RFC 6749 section 3.2)."""
        return {name: form[name] for name in self.parameters.model_fields.keys() & form}


async def _exchange_code(
    services: ClientGrantServices, client: RegisteredClient, body: CodeParameters, source: RequestSource
) -> ClientTokens:
    verifier = None if body.code_verifier is None else body.code_verifier.get_secret_value()
    request = CodeRequest(body.code.get_secret_value(), body.redirect_uri, verifier, body.resource)
    return await services.codes.exchange(client, request, source)


async def _refresh(
    services: ClientGrantServices, client: RegisteredClient, body: RefreshParameters, _source: RequestSource
) -> ClientTokens:
    request = ClientRefreshRequest(body.refresh_token.get_secret_value(), body.scope, body.resource)
    return await services.refreshes.refresh(client, request)


async def _issue_to_machine(
    services: ClientGrantServices, client: RegisteredClient, body: MachineParameters, _source: RequestSource
) -> ClientTokens:
    return services.machines.issue(client, body.scope, body.resource)


CLIENT_GRANTS: Final[Mapping[str, ClientGrantHandler[Any]]] = {
    AUTHORIZATION_CODE: ClientGrantHandler(CodeParameters, _exchange_code),
    REFRESH_TOKEN: ClientGrantHandler(RefreshParameters, _refresh),
    CLIENT_CREDENTIALS: ClientGrantHandler(MachineParameters, _issue_to_machine),
}
