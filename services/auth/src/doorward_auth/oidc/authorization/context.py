"""What an authorization request is decided by: its client, its parameters, and who is signed in."""

from dataclasses import dataclass

import sqlalchemy as sa

from doorward_auth.browser_sessions import repository as browser_sessions
from doorward_auth.browser_sessions.repository import BrowserSession
from doorward_auth.browser_sessions.tokens import BrowserSessionToken
from doorward_auth.oidc import groups
from doorward_auth.oidc.authorization.errors import (
    ErrorResponse,
    UnknownClientError,
    UnregisteredRedirectError,
)
from doorward_auth.oidc.authorization.query import Query
from doorward_auth.oidc.authorization.request import AuthorizationRequest, read_request
from doorward_auth.oidc.clients import repository as clients
from doorward_auth.oidc.clients.client import RegisteredClient
from doorward_auth.oidc.consents import repository as consents


@dataclass(frozen=True, slots=True)
class AuthorizationContext:
    """A request of a known client with a registered redirect URI, and who is signed in.

    `is_allowed` and `has_consented` are of the signed-in user: see decision.SignedIn.
    """

    client: RegisteredClient
    redirect_uri: str
    request: AuthorizationRequest | ErrorResponse
    session: BrowserSession | None
    is_allowed: bool = False
    has_consented: bool = False


def read_context(
    connection: sa.Connection, query: Query, token: BrowserSessionToken | None
) -> AuthorizationContext:
    """Read what a request is decided by; raises UnknownClientError, UnregisteredRedirectError."""
    client_id, redirect_uri = query.get("client_id"), query.get("redirect_uri")
    client = None
    if client_id is not None and query.count("client_id") == 1:
        client = clients.find(connection, client_id)
    if client is None or client.is_disabled:
        raise UnknownClientError
    if redirect_uri is None or query.count("redirect_uri") > 1 or not redirect_uri.isascii():
        raise UnregisteredRedirectError
    if not client.has_redirect_uri(redirect_uri):
        raise UnregisteredRedirectError
    request = read_request(query, client, redirect_uri)
    session = None if token is None else browser_sessions.find_valid(connection, token)
    if isinstance(request, ErrorResponse) or session is None:
        return AuthorizationContext(client, redirect_uri, request, session)
    user_id = session.account.id
    return AuthorizationContext(
        client,
        redirect_uri,
        request,
        session,
        is_allowed=groups.may_use(connection, user_id, client),
        has_consented=client.first_party
        or consents.has_consented(connection, user_id, client.id, request.scopes),
    )
