"""The statement that opens a session."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from doorward_client.tokens import Scalar
from doorward_identity.tables import oauth_clients, sessions, users
from doorward_kit.column_types import field_values, utc_now


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """A session about to open, and the state of its account when the password was right."""

    session_id: uuid.UUID
    user_id: uuid.UUID
    token_hash: bytes
    token_version: int
    auth_version: int
    auth_time: datetime
    acr: str
    amr: str
    extensions: Mapping[str, Scalar]
    user_agent: str
    ip_address: str
    cookie_name: str | None = None
    idle_seconds: int
    absolute_seconds: int
    # Of a registered client; `scope` is what it was granted, and `audience` that of its access tokens.
    oauth_client_id: uuid.UUID | None = None
    browser_session_id: uuid.UUID | None = None
    scope: str | None = None
    audience: str | None = None
    logout_attempts: int | None = None
    """0 for a client that wants to know when the session has ended."""


_COLUMNS: Final = [
    "id",
    "user_id",
    "current_hash",
    "auth_time",
    "acr",
    "amr",
    "extensions",
    "auth_version",
    "user_agent",
    "ip_address",
    "cookie_name",
    "oauth_client_id",
    "browser_session_id",
    "scope",
    "audience",
    "logout_attempts",
    "created_at",
    "last_used_at",
    "idle_expires_at",
    "absolute_expires_at",
]
_SELECTED: Final = sa.select(
    sa.bindparam("session_id", type_=sessions.c.id.type),
    users.c.id,
    sa.bindparam("token_hash", type_=sessions.c.current_hash.type),
    sa.bindparam("auth_time", type_=sessions.c.auth_time.type),
    sa.bindparam("acr", type_=sessions.c.acr.type),
    sa.bindparam("amr", type_=sessions.c.amr.type),
    sa.bindparam("extensions", type_=sessions.c.extensions.type),
    users.c.auth_version,
    sa.bindparam("user_agent", type_=sessions.c.user_agent.type),
    sa.bindparam("ip_address", type_=sessions.c.ip_address.type),
    sa.bindparam("cookie_name", type_=sessions.c.cookie_name.type),
    sa.bindparam("oauth_client_id", type_=sessions.c.oauth_client_id.type),
    sa.bindparam("browser_session_id", type_=sessions.c.browser_session_id.type),
    sa.bindparam("scope", type_=sessions.c.scope.type),
    sa.bindparam("audience", type_=sessions.c.audience.type),
    sa.bindparam("logout_attempts", type_=sessions.c.logout_attempts.type),
    utc_now(),
    utc_now(),
    utc_now(sa.bindparam("idle_seconds", type_=sa.Integer)),
    utc_now(sa.bindparam("absolute_seconds", type_=sa.Integer)),
).where(
    users.c.id == sa.bindparam("user_id"),
    # Raised with every change of a password, a status or a role.
    users.c.auth_version == sa.bindparam("auth_version"),
    users.c.token_version == sa.bindparam("token_version"),
)


def _insert_session(selected: sa.Select[Any]) -> sa.Insert:
    return sessions.insert().from_select(
        _COLUMNS, selected.with_for_update(read=True), include_defaults=False
    )


_OPENED: Final = _insert_session(_SELECTED)
_OPENED_BY_CLIENT: Final = _insert_session(
    _SELECTED.join(oauth_clients, oauth_clients.c.id == sa.bindparam("oauth_client_id")).where(
        oauth_clients.c.disabled_at.is_(None)
    )
)


def open_session(connection: sa.Connection, session: NewSession) -> bool:
    """Store a new session unless its account has changed since it was read; tell whether it was stored.

    One statement, under a shared lock of the user's row: a transaction that disables the account or
    changes its password at this moment either comes first, and no session opens, or ends the session. On
    another node of a cluster it does not see the lock; then the session is of older credentials.

    A client's session opens under a shared lock of the client's row, too, for the same reason: what disables
    or deletes the client ends the sessions that it finds.
    """
    statement = _OPENED if session.oauth_client_id is None else _OPENED_BY_CLIENT
    return connection.execute(statement, field_values(session)).rowcount == 1
