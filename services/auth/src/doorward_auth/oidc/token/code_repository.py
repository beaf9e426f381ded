"""Queries on authorization codes at their exchange."""

import hmac
import uuid
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from doorward_auth.authentication import Authentication
from doorward_auth.oidc.authorization.codes import AuthorizationCode
from doorward_identity.tables import authorization_codes
from doorward_kit.column_types import utc_now

_C = authorization_codes.c
_LOCKED: Final = (
    sa.select(
        _C.secret_hash,
        _C.oauth_client_id,
        _C.user_id,
        _C.browser_session_id,
        _C.redirect_uri,
        _C.scope,
        _C.resource,
        _C.nonce,
        _C.code_challenge,
        _C.auth_time,
        _C.acr,
        _C.amr,
        _C.token_version,
        _C.auth_version,
        _C.attempts,
        _C.session_id,
        _C.used_at.is_not(None),
        _C.expires_at <= utc_now(),
    )
    .where(_C.id == sa.bindparam("code_id"))
    .with_for_update()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAuthorizationCode:
    """A code as it was issued. `session_id` is of the session that its first use opened."""

    id: uuid.UUID
    oauth_client_id: uuid.UUID
    user_id: uuid.UUID
    browser_session_id: uuid.UUID
    redirect_uri: str
    scope: str
    resource: str | None
    nonce: str | None
    code_challenge: str | None
    authentication: Authentication
    token_version: int
    auth_version: int
    attempts: int
    session_id: uuid.UUID | None
    is_used: bool
    is_expired: bool


def lock(connection: sa.Connection, code: AuthorizationCode) -> StoredAuthorizationCode | None:
    """Read a code; of its uses at the same moment one goes on, the others wait. None for an unknown one."""
    row = connection.execute(_LOCKED, {"code_id": code.id}).one_or_none()
    if row is None or not hmac.compare_digest(row.secret_hash, code.hash()):
        return None
    return StoredAuthorizationCode(
        id=code.id,
        oauth_client_id=row.oauth_client_id,
        user_id=row.user_id,
        browser_session_id=row.browser_session_id,
        redirect_uri=row.redirect_uri,
        scope=row.scope,
        resource=row.resource,
        nonce=row.nonce,
        code_challenge=row.code_challenge,
        authentication=Authentication(row.auth_time, row.acr, row.amr),
        token_version=row.token_version,
        auth_version=row.auth_version,
        attempts=row.attempts,
        session_id=row.session_id,
        is_used=bool(row[-2]),
        is_expired=bool(row[-1]),
    )


def spend(connection: sa.Connection, code_id: uuid.UUID, session_id: uuid.UUID | None) -> None:
    """Note that a locked code was used; without a session it is only invalid from now on."""
    used = authorization_codes.update().where(_C.id == code_id)
    connection.execute(used.values(used_at=utc_now(), session_id=session_id))


def count_attempt(connection: sa.Connection, code_id: uuid.UUID) -> None:
    """Count a wrong use of a locked code."""
    connection.execute(authorization_codes.update().where(_C.id == code_id).values(attempts=_C.attempts + 1))
