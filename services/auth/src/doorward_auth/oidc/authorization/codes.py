"""Authorization codes (RFC 6749 section 4.1.2): what the token endpoint needs of the request."""

import uuid
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

import sqlalchemy as sa

from doorward_auth.opaque_tokens import OpaqueToken
from doorward_identity.tables import authorization_codes
from doorward_kit.column_types import utc_now
from doorward_kit.rate_limiting.row_limits import RowLimit, recent_rows

LIFETIME_SECONDS: Final = 60
RETENTION_SECONDS: Final = 3_600
"""A used code is recognised for so long, and its second use ends what the first opened."""

LIMIT: Final = RowLimit(600, timedelta(minutes=10))
"""Codes of a user for one client: as many as logins (LOGINS_BY_ACCOUNT).

An application that loops keeps its users from no other one. Each code may become a session and an audit
event, and past MAX_SESSIONS_PER_BROWSER a revocation, which every verifier reads.
"""

_C: Final = authorization_codes.c
_RECENT: Final = recent_rows(
    _C.id,
    _C.user_id == sa.bindparam("user_id"),
    _C.oauth_client_id == sa.bindparam("oauth_client_id"),
)


@dataclass(frozen=True, slots=True, repr=False)
class AuthorizationCode(OpaqueToken):
    """The code that the client exchanges for tokens; its id is the row's."""

    prefix: ClassVar[str] = "dwa_"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCode:
    """A code about to be issued, and the state of the account then."""

    id: uuid.UUID
    secret_hash: bytes
    oauth_client_id: uuid.UUID
    user_id: uuid.UUID
    browser_session_id: uuid.UUID
    redirect_uri: str
    scope: str
    resource: str | None
    nonce: str | None
    code_challenge: str | None
    auth_time: datetime
    acr: str
    amr: str
    token_version: int
    auth_version: int


def seconds_to_wait(
    connection: sa.Connection, user_id: uuid.UUID, oauth_client_id: uuid.UUID
) -> float | None:
    """Return how long a user who has reached LIMIT for a client has to wait; None for others."""
    return LIMIT.seconds_to_wait(
        connection, _RECENT, {"user_id": user_id, "oauth_client_id": oauth_client_id}
    )


def insert(connection: sa.Connection, code: NewCode) -> None:
    """Store a code."""
    connection.execute(
        authorization_codes.insert().values(
            **asdict(code), attempts=0, expires_at=utc_now(LIFETIME_SECONDS), used_at=None, session_id=None
        )
    )


def delete_expired(connection: sa.Connection, count: int) -> int:
    """Delete up to `count` codes that expired RETENTION_SECONDS ago, except locked ones; return how many."""
    before = utc_now(-RETENTION_SECONDS)
    expired = sa.select(_C.id).where(_C.expires_at <= before)
    ids = list(connection.execute(expired.limit(count).with_for_update(skip_locked=True)).scalars())
    if ids:
        connection.execute(authorization_codes.delete().where(_C.id.in_(ids)))
    return len(ids)
