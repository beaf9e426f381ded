"""Authorization codes (RFC 6749 section 4.1.2): what the token endpoint needs of the request."""

import uuid
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import ClassVar, Final

import sqlalchemy as sa

from doorward_auth.opaque_tokens import OpaqueToken
from doorward_identity.tables import authorization_codes
from doorward_kit.column_types import utc_now

LIFETIME_SECONDS: Final = 60
RETENTION_SECONDS: Final = 3_600
"""A used code is recognised for so long, and its second use ends what the first opened."""


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
    expired = sa.select(authorization_codes.c.id).where(authorization_codes.c.expires_at <= before)
    ids = list(connection.execute(expired.limit(count).with_for_update(skip_locked=True)).scalars())
    if ids:
        connection.execute(authorization_codes.delete().where(authorization_codes.c.id.in_(ids)))
    return len(ids)
