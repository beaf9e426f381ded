"""The rules of introspecting (RFC 7662) and revoking (RFC 7009) a token."""

import hmac
import uuid
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
import structlog
from pydantic import BaseModel, Field

from doorward_auth.introspection import repository
from doorward_auth.introspection.repository import LiveSession
from doorward_auth.oidc.clients.client import RegisteredClient
from doorward_auth.oidc.issued_tokens import IssuedToken, IssuedTokens
from doorward_auth.oidc.provider import OpenIdProvider
from doorward_auth.oidc.signing import MACHINE_ROLE
from doorward_auth.rate_limiting.limiter import AuthRateLimiter
from doorward_auth.rate_limiting.limits import MACHINE_REVOCATIONS
from doorward_auth.sessions.repository import owner_of
from doorward_auth.settings import AuthSettings
from doorward_auth.tokens.token_pair import RefreshToken
from doorward_client.tokens import Scalar
from doorward_identity.accounts import SessionEnd
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.resources import IdentityResources
from doorward_identity.sessions import end_session
from doorward_identity.token_revocation import revoke_session
from doorward_kit.rate_limiting.limits import LimitKey

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TokenCaller:
    """The caller of introspection: a service client, which may ask about any token, or a registered one."""

    name: str
    registered: RegisteredClient | None = None

    def may_inspect(self, client_id: str | None) -> bool:
        """Tell whether a token of a client concerns the caller; `client_id` is None for one of no client."""
        return self.registered is None or client_id == self.registered.client_id


class Introspection(BaseModel):
    """RFC 7662 section 2.2. For an invalid token `active` is the only member."""

    active: bool
    token_type: str | None = Field(default=None, description="`Bearer` or `refresh_token`.")
    iss: str | None = None
    aud: str | None = None
    client_id: str | None = Field(default=None, description="The registered client that it was issued to.")
    scope: str | None = None
    sub: uuid.UUID | None = Field(default=None, description="The user's id, or a machine's.")
    sid: uuid.UUID | None = Field(default=None, description="The session's id.")
    jti: str | None = None
    iat: int | None = Field(default=None, description="When it was issued, Unix seconds.")
    exp: int | None = Field(default=None, description="When it expires, Unix seconds.")
    role: str | None = None
    ext: dict[str, Scalar] | None = Field(
        default=None, description="What the user's upstream says about them."
    )


_INACTIVE: Final = Introspection(active=False)


class TokenInspector:
    """Introspects and revokes tokens. A registered client learns nothing about tokens of others."""

    def __init__(
        self,
        resources: IdentityResources,
        settings: AuthSettings,
        provider: OpenIdProvider,
        limiter: AuthRateLimiter,
    ) -> None:
        self._resources = resources
        self._tokens = IssuedTokens(resources.verification, provider)
        self._settings = settings
        self._limiter = limiter

    async def introspect(self, caller: TokenCaller, text: str) -> Introspection:
        """Return what a valid token says; raises StaleRevocationsError if the settings say so."""
        refresh = RefreshToken.parse(text)
        if refresh is None:
            token = self._tokens.read(text)
            known = token is not None and caller.may_inspect(token.client_id)
            return _access_token_answer(token) if token is not None and known else _INACTIVE
        session = await self._find(refresh)
        if session is None or not hmac.compare_digest(session.current_hash, refresh.hash()):
            return _INACTIVE
        return (
            self._refresh_token_answer(refresh, session)
            if caller.may_inspect(session.client_id)
            else _INACTIVE
        )

    async def revoke(self, caller: TokenCaller, text: str) -> None:
        """End the session of a token: both its tokens become invalid. A machine's token ends alone.

        An invalid token is no error: the purpose of the request is met (RFC 7009 section 2.2). Nor is the
        token of another client, about which the caller learns nothing. Raises TooManyAttemptsError for a
        client that revokes tokens of machines all the time.
        """
        refresh = RefreshToken.parse(text)
        if refresh is not None:
            session_id = await self._session_of(caller, refresh)
        else:
            token = self._tokens.read(text)
            if token is None or not caller.may_inspect(token.client_id):
                return
            session_id = token.claims.session_id
            if token.claims.role == MACHINE_ROLE:
                await self._revoke_machine_token(caller, session_id)
                return
        if session_id is not None:
            await self._end_session(caller, session_id)

    async def _end_session(self, caller: TokenCaller, session_id: uuid.UUID) -> None:
        def work(connection: sa.Connection) -> bool:
            owner = owner_of(connection, session_id)
            lifetime = self._settings.access_token_seconds
            if not end_session(connection, session_id, SessionEnd.REVOKED, token_seconds=lifetime):
                return False
            if caller.registered is not None:  # of whose sessions this is one
                repository.cancel_logout_token(connection, session_id)
            details = {"session_id": session_id, "client": caller.name}
            record(connection, AuditAction.TOKEN_REVOKED, actor=None, target=owner, details=details)
            return True

        ended = await self._resources.database.write(work)
        self._resources.revocation_poller.wake()
        log.info("token.revoked", client=caller.name, session_id=str(session_id), was_live=ended)

    async def _revoke_machine_token(self, caller: TokenCaller, session_id: uuid.UUID) -> None:
        def work(connection: sa.Connection) -> None:
            self._limiter.acquire(connection, [LimitKey.of(MACHINE_REVOCATIONS, caller.name)])
            revoke_session(connection, session_id, token_seconds=self._settings.access_token_seconds)

        await self._resources.database.write(work)
        self._resources.revocation_poller.wake()
        log.info("token.revoked", client=caller.name, session_id=str(session_id), was_live=True)

    async def _session_of(self, caller: TokenCaller, refresh: RefreshToken) -> uuid.UUID | None:
        session = await self._find(refresh)
        if session is None or not caller.may_inspect(session.client_id):
            return None
        # The previous token, too: its client may not have received the current one.
        valid = (session.current_hash, session.previous_hash or b"")
        is_known = any(hmac.compare_digest(token_hash, refresh.hash()) for token_hash in valid)
        return refresh.session_id if is_known else None

    async def _find(self, refresh: RefreshToken) -> LiveSession | None:
        return await self._resources.database.read(
            lambda connection: repository.find_live(connection, refresh.session_id)
        )

    def _refresh_token_answer(self, refresh: RefreshToken, session: LiveSession) -> Introspection:
        return Introspection(
            active=True,
            token_type="refresh_token",  # noqa: S106 - a kind of token, not a secret
            iss=self._settings.issuer,
            client_id=session.client_id,
            scope=session.scope,
            sub=session.user_id,
            sid=refresh.session_id,
            iat=int(session.last_used_at.timestamp()),
            exp=int(session.expires_at.timestamp()),
            role=session.role,
        )


def _access_token_answer(token: IssuedToken) -> Introspection:
    claims, payload = token.claims, token.payload
    return Introspection(
        active=True,
        token_type="Bearer",  # noqa: S106 - RFC 6750's name, not a secret
        iss=payload["iss"],
        aud=payload["aud"],
        client_id=token.client_id,
        scope=payload.get("scope"),
        sub=claims.user_id,
        sid=claims.session_id,
        jti=claims.token_id,
        iat=claims.issued_at,
        exp=claims.expires_at,
        role=claims.role,
        ext=dict(claims.extensions) or None,
    )
