"""The rules of refreshing a client's session (RFC 6749 section 6, OpenID Connect Core section 12)."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
import structlog

from doorward_auth import account_repository
from doorward_auth.account_repository import Account
from doorward_auth.authentication import Authentication
from doorward_auth.oauth_errors import InvalidGrantError, InvalidScopeError
from doorward_auth.oidc import groups, scopes
from doorward_auth.oidc.clients.client import RegisteredClient
from doorward_auth.oidc.token.current_grant import current_scopes
from doorward_auth.oidc.token.issuing import ClientGrant, ClientTokenIssuer, ClientTokens
from doorward_auth.sessions import repository as sessions
from doorward_auth.sessions.repository import SessionRow
from doorward_auth.tokens.refresh_decision import RefreshDecision, evaluate_refresh_token, successor_of
from doorward_auth.tokens.refresh_reuse import end_reused_session
from doorward_auth.tokens.token_pair import RefreshToken
from doorward_identity.resources import IdentityResources

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RefreshTimes:
    """How long a session lives without a refresh, and a used token can be repeated; of access tokens."""

    idle: timedelta
    grace: timedelta
    token_seconds: int


@dataclass(frozen=True, slots=True, repr=False)
class ClientRefreshRequest:
    """The parameters of a client. `scope` and `resource` narrow the new access token, and not the session."""

    refresh_token: str
    scope: str | None = None
    resource: str | None = None


@dataclass(frozen=True, slots=True)
class _RequestedAccess:
    """The scopes and the resource that a request asks for; None: as the session has them."""

    scopes: tuple[str, ...] | None
    resource: str | None


@dataclass(frozen=True, slots=True)
class _GrantedAccess:
    """The account, scopes and audience of the new tokens."""

    account: Account
    scopes: tuple[str, ...]
    audience: str


@dataclass(frozen=True, slots=True)
class _Rejection:
    """Why a refresh was rejected, for the log. `is_reuse` is whether two parties hold the token."""

    reason: str
    user_id: uuid.UUID | None = None
    is_reuse: bool = False


class ClientRefresh:
    """Renews the tokens of clients' sessions.

    A public client's refresh token is replaced each time, as those of other sessions are. A confidential
    client's stays, because a stolen one is of no use without the client's secret (RFC 9700 section 4.14.2).
    """

    def __init__(self, resources: IdentityResources, issuer: ClientTokenIssuer, times: RefreshTimes) -> None:
        self._resources = resources
        self._database = resources.database
        self._keys = resources.verification.keys
        self._issuer = issuer
        self._times = times

    async def refresh(self, client: RegisteredClient, request: ClientRefreshRequest) -> ClientTokens:
        """Return new tokens; raises InvalidGrantError, InvalidScopeError, InvalidTargetError.

        A token of another client is invalid, and its session stays, so that finding a token ends no session.
        """
        requested = _RequestedAccess(_scopes_of(request), request.resource)
        token = RefreshToken.parse(request.refresh_token)
        if token is None:
            raise InvalidGrantError
        outcome = await self._database.execute_idempotent(
            lambda connection: self._renew(connection, client, token, requested)
        )
        if isinstance(outcome, _Rejection) and outcome.is_reuse:
            outcome = await self._database.write(
                lambda connection: self._end(connection, client, token, requested)
            )
            self._resources.revocation_poller.wake()
        if isinstance(outcome, _Rejection):
            log.warning(
                "refresh.rejected",
                reason=outcome.reason,
                session_id=str(token.session_id),
                client_id=client.client_id,
            )
            raise InvalidGrantError
        return self._issuer.issue(outcome)

    def _renew(
        self,
        connection: sa.Connection,
        client: RegisteredClient,
        token: RefreshToken,
        requested: _RequestedAccess,
    ) -> ClientGrant | _Rejection:
        """Decide by a read without a lock; the statement that renews compares again."""
        session = sessions.find_session(connection, token.session_id)
        if session is None or session.oauth_client_id != client.id:
            return _Rejection("unknown_session" if session is None else "of_another_client")
        decision = evaluate_refresh_token(session, token.hash(), grace=self._times.grace)
        if decision is RefreshDecision.REUSE:
            return _Rejection("reuse", session.user_id, is_reuse=not client.has_secret)
        allowed = self._allowed(connection, client, session, decision, requested)
        if isinstance(allowed, _Rejection):
            return allowed
        successor = self._replace(connection, session, token, decision, rotates=not client.has_secret)
        if isinstance(successor, _Rejection):
            return successor
        if successor is None:
            # Another refresh or a logout came first: decide again, by what it left.
            return self._renew(connection, client, token, requested)
        assert session.browser_session_id is not None  # every session of a client has one
        return ClientGrant(
            client=client,
            token=successor,
            account=allowed.account,
            authentication=Authentication(session.auth_time, session.acr, session.amr),
            browser_session_id=session.browser_session_id,
            audience=allowed.audience,
            granted=allowed.scopes,
            group_names=groups.granted_names(connection, allowed.account.id, allowed.scopes),
            extensions=session.extensions,
        )

    def _allowed(
        self,
        connection: sa.Connection,
        client: RegisteredClient,
        session: SessionRow,
        decision: RefreshDecision,
        requested: _RequestedAccess,
    ) -> _GrantedAccess | _Rejection:
        """Compare a session with its account and its client as they are now."""
        account = account_repository.find_by_id(connection, session.user_id)
        is_over = decision is RefreshDecision.REJECT or session.is_of_older_credentials
        if is_over or account is None or not account.is_active:
            return _Rejection("ended")
        granted = current_scopes(connection, client, account.id, (session.scope or "").split())
        if granted is None:
            return _Rejection("not_allowed_any_more")
        assert session.audience is not None  # every session of a client has one
        if not self._issuer.may_have_audience(client, session.audience):
            return _Rejection("audience_not_allowed_any_more")
        if requested.scopes is not None and not set(requested.scopes) <= set(granted):
            raise InvalidScopeError
        return _GrantedAccess(
            account=account,
            scopes=granted if requested.scopes is None else requested.scopes,
            audience=self._issuer.audience_of_request(client, session.audience, requested.resource),
        )

    def _replace(
        self,
        connection: sa.Connection,
        session: SessionRow,
        token: RefreshToken,
        decision: RefreshDecision,
        *,
        rotates: bool,
    ) -> RefreshToken | _Rejection | None:
        """Return the token to hand out; None if the session has changed since it was read."""
        idle_expires_at = min(session.now + self._times.idle, session.absolute_expires_at)
        if not rotates:
            return token if sessions.extend_session(connection, session, idle_expires_at) else None
        successor = successor_of(token, session, decision, self._keys.secrets)
        if successor is None:
            return _Rejection("successor_not_derivable")
        if decision is RefreshDecision.ROTATE and not sessions.rotate_session(
            connection, session, successor.hash(), idle_expires_at
        ):
            return None
        return successor

    def _end(
        self,
        connection: sa.Connection,
        client: RegisteredClient,
        token: RefreshToken,
        requested: _RequestedAccess,
    ) -> ClientGrant | _Rejection:
        """End a session whose token two parties hold, if a second look in the same transaction agrees."""
        sessions.lock_session(connection, token.session_id)
        outcome = self._renew(connection, client, token, requested)
        if isinstance(outcome, _Rejection) and outcome.is_reuse:
            seconds = self._times.token_seconds
            end_reused_session(connection, token.session_id, outcome.user_id, token_seconds=seconds)
        return outcome


def _scopes_of(request: ClientRefreshRequest) -> tuple[str, ...] | None:
    if request.scope is None:
        return None
    requested = scopes.parse(request.scope)
    if requested is None:
        raise InvalidScopeError
    return requested
