"""Dependencies of endpoints that change something: the caller, with the token that the caller sent."""

from typing import Annotated

from fastapi import Depends, Request

from doorward_client.bearer_auth import InsufficientScopeError
from doorward_client.fastapi import CurrentUser, Permission, requires
from doorward_client.tokens import Claims
from doorward_kit.accept_language import preferred_language
from doorward_kit.dependencies import provide
from doorward_tickets.users.users_client import Caller, UsersClient


async def _acting_user(request: Request, claims: CurrentUser) -> Caller:
    return _caller(request, claims)


async def _acting_manager(
    request: Request, claims: Annotated[Claims, requires(Permission.TICKETS_MANAGE)]
) -> Caller:
    return _caller(request, claims)


async def _acting_deleter(
    request: Request, claims: Annotated[Claims, requires(Permission.TICKETS_DELETE)]
) -> Caller:
    return _caller(request, claims)


def _caller(request: Request, claims: Claims) -> Caller:
    """Return the caller; raises InsufficientScopeError for a token that cannot read its user's profile."""
    if not claims.covers_account:
        # Otherwise the users service rejects it, which would count as an outage for every caller.
        raise InsufficientScopeError
    # The header exists: the claims were read from it.
    headers = request.headers
    return Caller(claims, headers["authorization"], preferred_language(headers.get("accept-language", "")))


ActingUser = Annotated[Caller, Depends(_acting_user)]
ActingManager = Annotated[Caller, Depends(_acting_manager)]
ActingDeleter = Annotated[Caller, Depends(_acting_deleter)]


async def require_current_manager(
    caller: ActingManager, users: Annotated[UsersClient, provide(UsersClient)]
) -> None:
    """Raise InvalidAccessTokenError as UsersClient.require_current_profile does."""
    await users.require_current_profile(caller)
