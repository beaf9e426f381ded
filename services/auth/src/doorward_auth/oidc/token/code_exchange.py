"""The rules of exchanging an authorization code for tokens."""

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
import structlog
import uuid_utils.compat as uuid7s

from doorward_auth import account_repository
from doorward_auth.account_repository import Account
from doorward_auth.browser_sessions import repository as browser_sessions
from doorward_auth.oauth_errors import InvalidGrantError
from doorward_auth.oidc import groups, scopes
from doorward_auth.oidc.authorization.codes import AuthorizationCode
from doorward_auth.oidc.clients.client import RegisteredClient
from doorward_auth.oidc.token import code_repository
from doorward_auth.oidc.token.code_repository import StoredAuthorizationCode
from doorward_auth.oidc.token.current_grant import current_scopes
from doorward_auth.oidc.token.issuing import ClientGrant, ClientTokenIssuer, ClientTokens
from doorward_auth.pkce import is_proven
from doorward_auth.request_source import RequestSource
from doorward_auth.sessions.new_session import NewSession, open_session
from doorward_auth.tokens.token_pair import RefreshToken
from doorward_identity.accounts import SessionEnd
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.resources import IdentityResources
from doorward_identity.sessions import (
    OFFLINE_ACCESS,
    end_session,
    end_surplus_in_browser,
    end_surplus_sessions,
)

log = structlog.get_logger(__name__)

MAX_ATTEMPTS: Final = 5
"""Wrong verifiers, redirect URIs and clients: one of them does not spend its owner's code."""


MAX_SESSIONS_PER_BROWSER: Final = 10
"""Sessions of one client in one browser session: about one for each tab.

An application that signs in silently with every page opens sessions without a limit of its own.
"""


@dataclass(frozen=True, slots=True)
class ClientSessionLimits:
    """Lifetimes of clients' sessions and tokens in seconds, and the number of sessions of a user."""

    idle_seconds: int
    absolute_seconds: int
    max_sessions: int
    token_seconds: int


@dataclass(frozen=True, slots=True, repr=False)
class CodeRequest:
    """The parameters of the exchange that a client sends."""

    code: str
    redirect_uri: str
    code_verifier: str | None
    resource: str | None = None


@dataclass(frozen=True, slots=True)
class _Rejection:
    """Why a code was rejected, for the log."""

    reason: str
    has_ended_session: bool = False


class CodeExchange:
    """Opens a client's session for a code, in one transaction, once."""

    def __init__(
        self, resources: IdentityResources, issuer: ClientTokenIssuer, limits: ClientSessionLimits
    ) -> None:
        self._resources = resources
        self._database = resources.database
        self._issuer = issuer
        self._limits = limits

    async def exchange(
        self, client: RegisteredClient, request: CodeRequest, source: RequestSource
    ) -> ClientTokens:
        """Return the tokens; raises InvalidGrantError, InvalidTargetError, NoSigningKeyError.

        The last two are raised before anything is stored.

        A code that is used again ends the session that it opened (RFC 6749 section 4.1.2).
        """
        code = AuthorizationCode.parse(request.code)
        if code is None:
            raise InvalidGrantError
        self._issuer.require_key(client)
        outcome = await self._database.write(
            lambda connection: self._exchange(connection, client, code, request, source)
        )
        if isinstance(outcome, _Rejection):
            log.warning("code.rejected", reason=outcome.reason, client_id=client.client_id)
            if outcome.has_ended_session:
                self._resources.revocation_poller.wake()
            raise InvalidGrantError
        log.info(
            "code.exchanged",
            client_id=client.client_id,
            user_id=str(outcome.account.id),
            session_id=str(outcome.token.session_id),
        )
        return self._issuer.issue(outcome)

    def _exchange(
        self,
        connection: sa.Connection,
        client: RegisteredClient,
        code: AuthorizationCode,
        request: CodeRequest,
        source: RequestSource,
    ) -> ClientGrant | _Rejection:
        stored = code_repository.lock(connection, code)
        if stored is None:
            return _Rejection("unknown")
        if stored.oauth_client_id != client.id:
            return _reject_and_count(connection, stored, "another_client")
        if stored.is_used:
            return self._reject_reuse(connection, stored, client)
        if stored.is_expired:
            return _Rejection("expired")
        wrong = _mismatch(stored, request)
        if wrong is not None:
            return _reject_and_count(connection, stored, wrong)
        return self._open(connection, stored, client, request, source)

    def _open(
        self,
        connection: sa.Connection,
        stored: StoredAuthorizationCode,
        client: RegisteredClient,
        request: CodeRequest,
        source: RequestSource,
    ) -> ClientGrant | _Rejection:
        """Open the session; the statement that does it compares the account.

        A rejection leaves the code as it is, which expires within a minute.
        """
        account = account_repository.lock_shared_by_id(connection, stored.user_id)
        if account is None or not account.is_active or not _is_unchanged(account, stored):
            return _Rejection("account_changed")
        locked = browser_sessions.lock(connection, stored.browser_session_id)
        if locked is None:
            return _Rejection("browser_session_ended")
        granted = current_scopes(connection, client, stored.user_id, stored.scope.split(), is_held=True)
        if granted is None or not client.has_redirect_uri(stored.redirect_uri):
            return _Rejection("not_allowed_any_more")
        audience = self._issuer.audience_of(client, granted, stored.resource)
        if not self._issuer.may_have_audience(client, audience):
            return _Rejection("audience_not_allowed_any_more")
        narrowed = self._issuer.audience_of_request(client, audience, request.resource)
        token = RefreshToken.issue(uuid7s.uuid7())
        offline_access = OFFLINE_ACCESS in granted
        absolute = self._limits.absolute_seconds if offline_access else locked.seconds
        session = NewSession(
            session_id=token.session_id,
            user_id=account.id,
            token_hash=token.hash(),
            token_version=stored.token_version,
            auth_version=stored.auth_version,
            auth_time=stored.authentication.auth_time,
            acr=stored.authentication.acr,
            amr=stored.authentication.amr,
            extensions=locked.extensions,
            user_agent=source.user_agent,
            ip_address=source.ip_address,
            idle_seconds=min(self._limits.idle_seconds, absolute),
            absolute_seconds=absolute,
            oauth_client_id=client.id,
            browser_session_id=stored.browser_session_id,
            scope=scopes.join(granted),
            audience=audience,
            logout_attempts=None if client.backchannel_logout_uri is None else 0,
        )
        if not open_session(connection, session):
            return _Rejection("account_or_client_changed")
        code_repository.spend(connection, stored.id, token.session_id)
        self._end_surplus(connection, stored, offline_access=offline_access)
        details = {"session_id": token.session_id, "client": client.client_id}
        record(connection, AuditAction.CLIENT_SIGNED_IN, actor=account.id, target=account.id, details=details)
        return ClientGrant(
            client=client,
            token=token,
            account=account,
            authentication=stored.authentication,
            browser_session_id=stored.browser_session_id,
            audience=narrowed,
            granted=granted,
            group_names=groups.granted_names(connection, account.id, granted),
            extensions=locked.extensions,
            nonce=stored.nonce,
        )

    def _end_surplus(
        self, connection: sa.Connection, stored: StoredAuthorizationCode, *, offline_access: bool
    ) -> None:
        """Keep the sessions of one client in one browser few, and then those of the user."""
        seconds = self._limits.token_seconds
        end_surplus_in_browser(
            connection,
            stored.browser_session_id,
            stored.oauth_client_id,
            ends_with_browser=not offline_access,
            most=MAX_SESSIONS_PER_BROWSER,
            token_seconds=seconds,
        )
        end_surplus_sessions(
            connection,
            stored.user_id,
            ends_with_browser=not offline_access,
            most=self._limits.max_sessions,
            token_seconds=seconds,
        )

    def _reject_reuse(
        self, connection: sa.Connection, stored: StoredAuthorizationCode, client: RegisteredClient
    ) -> _Rejection:
        """End what the code's first use opened: two parties have had it."""
        if stored.session_id is None or not end_session(
            connection, stored.session_id, SessionEnd.CODE_REUSE, token_seconds=self._limits.token_seconds
        ):
            return _Rejection("used")
        details = {"session_id": stored.session_id, "client": client.client_id}
        record(connection, AuditAction.CODE_REUSED, actor=None, target=stored.user_id, details=details)
        return _Rejection("used", has_ended_session=True)


def _mismatch(stored: StoredAuthorizationCode, request: CodeRequest) -> str | None:
    if request.redirect_uri != stored.redirect_uri:
        return "another_redirect_uri"
    return None if is_proven(stored.code_challenge, request.code_verifier) else "wrong_verifier"


def _reject_and_count(connection: sa.Connection, stored: StoredAuthorizationCode, reason: str) -> _Rejection:
    code_repository.count_attempt(connection, stored.id)
    if stored.attempts + 1 >= MAX_ATTEMPTS and not stored.is_used:
        code_repository.spend(connection, stored.id, None)
    return _Rejection(reason)


def _is_unchanged(account: Account, stored: StoredAuthorizationCode) -> bool:
    return (account.token_version, account.auth_version) == (stored.token_version, stored.auth_version)
