"""Whether somebody who wants to change something still stands as the access token says."""

from typing import Final

import sqlalchemy as sa

from doorward_client.bearer_auth import InvalidAccessTokenError
from doorward_client.tokens import Claims
from doorward_identity.accounts import Status
from doorward_identity.tables import users

_EPOCH: Final = sa.select(users.c.token_version).where(
    users.c.id == sa.bindparam("user_id"), users.c.status == Status.ACTIVE.value
)


def require_unchanged_account(connection: sa.Connection, caller: Claims) -> None:
    """Raise InvalidAccessTokenError if the caller's account changed since the token was issued.

    Tokens are believed for minutes without asking. A write opens a transaction anyway, so it asks:
    whoever was demoted, disabled or deleted a moment ago changes nothing any more (ASVS 8.3.2).
    """
    token_version = connection.execute(_EPOCH, {"user_id": caller.user_id}).scalar_one_or_none()
    if token_version != caller.token_version:
        raise InvalidAccessTokenError
