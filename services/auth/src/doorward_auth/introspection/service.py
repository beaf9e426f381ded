"""The rules of introspecting (RFC 7662) and revoking (RFC 7009) a token."""

import hmac
import uuid
from typing import Final

import sqlalchemy as sa
import structlog

from doorward_auth.introspection import repository
from doorward_auth.introspection.repository import LiveSession
from doorward_auth.introspection.schemas import Introspection
from doorward_auth.sessions.repository import owner_of
from doorward_auth.settings import AuthSettings
from doorward_auth.tokens.refresh_tokens import RefreshToken
from doorward_client.tokens import Claims, InvalidTokenError
from doorward_identity.accounts import SessionEnd
from doorward_identity.audit.repository import Action, record
from doorward_identity.resources import IdentityResources
from doorward_identity.sessions import end_session

log = structlog.get_logger(__name__)

_INACTIVE: Final = Introspection(active=False)


class TokenInspector:
    """Looks at the tokens of others, for services that are registered."""

    def __init__(self, runtime: IdentityResources, settings: AuthSettings) -> None:
        self._runtime = runtime
        self._verifier = runtime.verification.verifier
        self._settings = settings

    async def introspect(self, text: str) -> Introspection:
        """Say what a token says, and whether it counts; raises StaleRevocationsError as settings have it."""
        refresh = RefreshToken.parse(text)
        if refresh is None:
            claims = self._claims(text)
            return _INACTIVE if claims is None else self._of_access(claims)
        session = await self._find(refresh)
        if session is None or not hmac.compare_digest(session.current_hash, refresh.hash()):
            return _INACTIVE
        return self._of_refresh(refresh, session)

    async def revoke(self, client: str, text: str) -> None:
        """End the session that a token belongs to: then neither of its tokens counts.

        A token that does not count is no error: what was asked for is so (RFC 7009 section 2.2).
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
            record(connection, Action.TOKEN_REVOKED, actor=None, target=owner, details=details)
            return True

        ended = await self._runtime.database.write(work)
        self._runtime.revocation_poller.wake()
        log.info("token.revoked", client=client, session_id=str(session_id), was_live=ended)

    async def _session_of(self, text: str) -> uuid.UUID | None:
        refresh = RefreshToken.parse(text)
        if refresh is None:
            claims = self._claims(text)
            return None if claims is None else claims.session_id
        session = await self._find(refresh)
        if session is None:
            return None
        # The one before counts too: its bearer may not have got the answer with the current one.
        known = (session.current_hash, session.previous_hash or b"")
        is_known = any(hmac.compare_digest(one, refresh.hash()) for one in known)
        return refresh.session_id if is_known else None

    async def _find(self, refresh: RefreshToken) -> LiveSession | None:
        return await self._runtime.database.read(
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
