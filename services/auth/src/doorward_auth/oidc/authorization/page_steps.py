"""The steps of an authorization request on our pages, and the location that follows each.

A page has the request as its continuation: the path and query of the authorization endpoint, with the sealed
interaction. Each step returns the next location, which is that continuation with one more choice in it.
"""

import time
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import exc

from doorward_auth.account_repository import Account
from doorward_auth.browser_sessions.repository import BrowserSession
from doorward_auth.browser_sessions.service import note_visitor
from doorward_auth.browser_sessions.tokens import BrowserSessionToken
from doorward_auth.oidc import redirects, scopes
from doorward_auth.oidc.authorization import interaction
from doorward_auth.oidc.authorization.context import AuthorizationContext, read_context
from doorward_auth.oidc.authorization.errors import (
    ErrorResponse,
    UnknownClientError,
    UnregisteredRedirectError,
)
from doorward_auth.oidc.authorization.interaction import UserChoice
from doorward_auth.oidc.authorization.query import Query, read_query
from doorward_auth.oidc.authorization.service import PATH, continuation_of
from doorward_auth.oidc.consents import repository as consents
from doorward_identity.audit.own_events import record_own
from doorward_identity.audit.repository import AuditAction
from doorward_identity.resources import IdentityResources


@dataclass(frozen=True, slots=True)
class RequestSummary:
    """The client's request as a page shows it. `account` is the signed-in user's."""

    client_id: str
    client_name: str
    destination: str
    scopes: tuple[str, ...]
    first_party: bool
    account: Account | None


class AuthorizationPageSteps:
    """Describes the request of a continuation, and notes what the user does about it."""

    def __init__(self, resources: IdentityResources) -> None:
        self._database = resources.database
        self._keys = resources.verification.keys

    async def describe(self, continuation: str, token: BrowserSessionToken | None) -> RequestSummary | None:
        """Return what a page shows; None for a continuation that is no valid request.

        The authorization endpoint says what is wrong with it.
        """
        query = _query_of(continuation)
        context = None if query is None else await self._read(query, token)
        if context is None or isinstance(context.request, ErrorResponse):
            return None
        return RequestSummary(
            client_id=context.client.client_id,
            client_name=context.client.name,
            destination=redirects.host_of(context.redirect_uri),
            scopes=context.request.scopes,
            first_party=context.client.first_party,
            account=None if context.session is None else context.session.account,
        )

    async def allow(self, continuation: str, token: BrowserSessionToken | None) -> str:
        """Store that the signed-in user allows the client what it asks for, and go on.

        Raises TooManyAttemptsError.
        """
        query = _query_of(continuation)
        if query is None:
            return continuation

        def work(connection: sa.Connection) -> BrowserSession | None:
            context = _context(connection, query, token)
            if context is None or isinstance(context.request, ErrorResponse) or context.session is None:
                return None
            user_id, allowed = context.session.account.id, context.request.scopes
            consents.grant(connection, user_id, context.client.id, allowed)
            details = {"client": context.client.client_id, "scope": scopes.join(allowed)}
            record_own(connection, AuditAction.CONSENT_GRANTED, user_id, details)
            return context.session

        try:
            session = await self._database.write(work)
        except exc.IntegrityError:
            # The client or the user was deleted meanwhile, which the authorization endpoint says.
            return continuation
        note_visitor(session)
        return continuation if session is None else self._continue(UserChoice.CONSENT_GIVEN, query, token)

    async def deny(self, continuation: str, token: BrowserSessionToken | None) -> str:
        """Go on to tell the client that the user has not allowed it."""
        return await self._with_choice(UserChoice.CONSENT_DENIED, continuation, token)

    async def keep_account(self, continuation: str, token: BrowserSessionToken | None) -> str:
        """Go on with the account that is signed in."""
        return await self._with_choice(UserChoice.ACCOUNT_CONFIRMED, continuation, token)

    async def _with_choice(
        self, choice: UserChoice, continuation: str, token: BrowserSessionToken | None
    ) -> str:
        query = _query_of(continuation)
        if query is None or await self._read(query, token) is None:
            return continuation
        return self._continue(choice, query, token)

    async def _read(self, query: Query, token: BrowserSessionToken | None) -> AuthorizationContext | None:
        context = await self._database.read(lambda connection: _context(connection, query, token))
        if context is not None:
            note_visitor(context.session)
        return context

    def _continue(self, choice: UserChoice, query: Query, token: BrowserSessionToken | None) -> str:
        now = int(time.time())
        begun = interaction.read(query, self._keys.secrets, now) or interaction.begin(token, now)
        return continuation_of(query, begun.with_choice(choice, token), self._keys.secrets)


def _query_of(continuation: str) -> Query | None:
    path, _, query = continuation.partition("?")
    return read_query(query) if path == PATH else None


def _context(
    connection: sa.Connection, query: Query, token: BrowserSessionToken | None
) -> AuthorizationContext | None:
    try:
        return read_context(connection, query, token)
    except (UnknownClientError, UnregisteredRedirectError):
        return None
