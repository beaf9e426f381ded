"""The rules of introspecting (RFC 7662) and revoking (RFC 7009) a token."""

import hmac
import uuid
from typing import Final

import sqlalchemy as sa
import structlog
from pydantic import BaseModel, Field

from doorward_auth.introspection import repository
from doorward_auth.introspection.repository import LiveSession
from doorward_auth.sessions.repository import owner_of
from doorward_auth.settings import AuthSettings
from doorward_auth.tokens.refresh_tokens import RefreshToken
from doorward_client.errors import DoorwardError
from doorward_client.tokens import Claims, InvalidTokenError, Scalar
from doorward_identity.accounts import SessionEnd
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.resources import IdentityResources
from doorward_identity.sessions import end_session

log = structlog.get_logger(__name__)


class InvalidRequestError(DoorwardError):
    """400 for a form without the field `token` (RFC 6749 section 5.2)."""

    status = 400
    code = "invalid_request"
    detail = "Send a form with the field `token`, once."
    oauth_error = "invalid_request"


class Introspection(BaseModel):
    """RFC 7662 section 2.2. For an invalid token `active` is the only member."""

    active: bool
    token_type: str | None = Field(default=None, description="`Bearer` or `refresh_token`.")
    iss: str | None = None
    aud: str | None = None
    sub: uuid.UUID | None = Field(default=None, description="The user's id.")
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
    """Introspects and revokes tokens for service clients."""

    def __init__(self, resources: IdentityResources, settings: AuthSettings) -> None:
        self._resources = resources
        self._verifier = resources.verification.verifier
        self._settings = settings

    async def introspect(self, text: str) -> Introspection:
        """Return what a valid token says; raises StaleRevocationsError if the settings say so."""
        refresh = RefreshToken.parse(text)
        if refresh is None:
            claims = self._claims(text)
            return _INACTIVE if claims is None else self._of_access(claims)
        session = await self._find(refresh)
        if session is None or not hmac.compare_digest(session.current_hash, refresh.hash()):
            return _INACTIVE
        return self._of_refresh(refresh, session)

    async def revoke(self, client: str, text: str) -> None:
        """End the session of a token: both its tokens become invalid.

        An invalid token is no error: the purpose of the request is met (RFC 7009 section 2.2).
        """
        session_id = await self._session_of(text)
        if session_id is None:
            return

        def work(connection: sa.Connection) -> bool:
            owner = owner_of(connection, session_id)
            lifetime = self._settings.access_token_seconds
            if not end_session(connection, session_id, SessionEnd.REVOKED, token_seconds=lifetime):
                return False
            details = {"session_id": session_id, "client": client}
            record(connection, AuditAction.TOKEN_REVOKED, actor=None, target=owner, details=details)
            return True

        ended = await self._resources.database.write(work)
        self._resources.revocation_poller.wake()
        log.info("token.revoked", client=client, session_id=str(session_id), was_live=ended)

    async def _session_of(self, text: str) -> uuid.UUID | None:
        refresh = RefreshToken.parse(text)
        if refresh is None:
            claims = self._claims(text)
            return None if claims is None else claims.session_id
        session = await self._find(refresh)
        if session is None:
            return None
        # The previous token, too: its client may not have received the current one.
        valid = (session.current_hash, session.previous_hash or b"")
        is_known = any(hmac.compare_digest(token_hash, refresh.hash()) for token_hash in valid)
        return refresh.session_id if is_known else None

    async def _find(self, refresh: RefreshToken) -> LiveSession | None:
        return await self._resources.database.read(
            lambda connection: repository.find_live(connection, refresh.session_id)
        )

    def _claims(self, text: str) -> Claims | None:
        try:
            return self._verifier.verify(text)
        except InvalidTokenError:
            return None

    def _of_access(self, claims: Claims) -> Introspection:
        return Introspection(
            active=True,
            token_type="Bearer",  # noqa: S106 - RFC 6750's name, not a secret
            iss=self._settings.issuer,
            aud=self._settings.audience,
            sub=claims.user_id,
            sid=claims.session_id,
            jti=claims.token_id,
            iat=claims.issued_at,
            exp=claims.expires_at,
            role=claims.role,
            ext=dict(claims.extensions) or None,
        )

    def _of_refresh(self, refresh: RefreshToken, session: LiveSession) -> Introspection:
        return Introspection(
            active=True,
            token_type="refresh_token",  # noqa: S106 - a kind of token, not a secret
            iss=self._settings.issuer,
            sub=session.user_id,
            sid=refresh.session_id,
            iat=int(session.last_used_at.timestamp()),
            exp=int(session.expires_at.timestamp()),
            role=session.role,
        )
