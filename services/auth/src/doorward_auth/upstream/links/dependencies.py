"""The service that endpoints of links depend on, and whose token a caller asks for."""

import uuid
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.exceptions import RequestValidationError

from doorward_auth.service_clients.dependencies import BasicClient, ServiceClientsDep
from doorward_auth.upstream.links.service import UpstreamLinkService
from doorward_client.bearer_auth import BearerToken
from doorward_client.tokens import Claims
from doorward_kit.dependencies import provide

Links = Annotated[UpstreamLinkService, provide(UpstreamLinkService)]


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """A service client that asks for a user's token."""

    client: str
    subject: uuid.UUID


class _OptionalBearer(BearerToken):
    """Documents that a bearer token is one of two ways, and leaves requests with the other one alone."""

    async def __call__(self, request: Request) -> Claims | None:  # type: ignore[override]  # None: a client
        """Return the caller's claims; None for a request with HTTP Basic."""
        return None if _is_basic(request) else await super().__call__(request)


class _OptionalClient(BasicClient):
    """The other way."""

    async def __call__(self, request: Request) -> str | None:
        return await super().__call__(request) if _is_basic(request) else None


def _is_basic(request: Request) -> bool:
    return request.headers.get("authorization", "").lower().startswith("basic ")


async def _token_reader(
    clients: ServiceClientsDep,
    claims: Annotated[Claims | None, Depends(_OptionalBearer())],
    header: Annotated[str | None, Depends(_OptionalClient())],
    subject: Annotated[
        uuid.UUID | None, Query(description="For service clients: the id of the user.")
    ] = None,
) -> Claims | ClientRequest:
    """Return who asks; raises as BearerToken and ServiceClients do, RequestValidationError."""
    if claims is not None:
        if subject is not None and subject != claims.user_id:
            raise _invalid("A user reads only their own token.")
        return claims
    client = await clients.authenticate(header)
    if subject is None:
        raise _invalid("A service client names the user.")
    return ClientRequest(client, subject)


def _invalid(message: str) -> RequestValidationError:
    return RequestValidationError([{"loc": ("query", "subject"), "type": "subject", "msg": message}])


TokenReader = Annotated[Claims | ClientRequest, Depends(_token_reader)]
