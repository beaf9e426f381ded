"""Queries on browser sessions."""

import hmac
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from doorward_auth import account_repository
from doorward_auth.account_repository import Account
from doorward_auth.authentication import Authentication
from doorward_auth.browser_sessions.tokens import BrowserSessionToken
from doorward_client.tokens import Scalar
from doorward_identity.accounts import Status
from doorward_identity.tables import browser_sessions, credentials, users
from doorward_kit.column_types import field_values, utc_now


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBrowserSession:
    """A browser session about to open, and the state of its account when it was proven."""

    id: uuid.UUID
    user_id: uuid.UUID
    secret_hash: bytes
    token_version: int
    auth_version: int
    auth_time: datetime
    acr: str
    amr: str
    is_remembered: bool
    extensions: Mapping[str, Scalar]
    user_agent: str
    ip_address: str
    idle_seconds: int
    absolute_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserSession:
    """A valid browser session and its account; `now` is the database's time."""

    id: uuid.UUID
    authentication: Authentication
    is_remembered: bool
    created_at: datetime
    last_used_at: datetime
    absolute_expires_at: datetime
    now: datetime
    account: Account


_SESSION_COLUMNS: Final[tuple[sa.ColumnElement[Any], ...]] = (
    browser_sessions.c.id,
    browser_sessions.c.auth_time,
    browser_sessions.c.acr,
    browser_sessions.c.amr,
    browser_sessions.c.is_remembered,
    browser_sessions.c.created_at,
    browser_sessions.c.last_used_at,
    browser_sessions.c.absolute_expires_at,
    utc_now().label("now"),
)
# A service that changes an account need not know of browser sessions: the account's versions tell.
_IS_VALID: Final = sa.and_(
    browser_sessions.c.idle_expires_at > utc_now(),
    browser_sessions.c.absolute_expires_at > utc_now(),
    users.c.status == Status.ACTIVE.value,
    users.c.token_version == browser_sessions.c.token_version,
    users.c.auth_version == browser_sessions.c.auth_version,
)
_VALID: Final = (
    sa.select(browser_sessions.c.secret_hash, *_SESSION_COLUMNS, *account_repository.COLUMNS)
    .join(users, users.c.id == browser_sessions.c.user_id)
    .outerjoin(credentials, credentials.c.user_id == users.c.id)
    .where(browser_sessions.c.id == sa.bindparam("session_id"), _IS_VALID)
)
_LOCKED: Final = (
    sa.select(browser_sessions.c.absolute_expires_at, utc_now(), browser_sessions.c.extensions)
    .where(
        browser_sessions.c.id == sa.bindparam("session_id"),
        browser_sessions.c.idle_expires_at > utc_now(),
        browser_sessions.c.absolute_expires_at > utc_now(),
    )
    .with_for_update(read=True)
)

_COPIED: Final = (
    "id",
    "secret_hash",
    "auth_time",
    "acr",
    "amr",
    "is_remembered",
    "extensions",
    "user_agent",
    "ip_address",
)
_OPENED: Final = browser_sessions.insert().from_select(
    [
        *_COPIED,
        "user_id",
        "token_version",
        "auth_version",
        "created_at",
        "last_used_at",
        "idle_expires_at",
        "absolute_expires_at",
    ],
    sa.select(
        *(sa.bindparam(name, type_=browser_sessions.c[name].type) for name in _COPIED),
        users.c.id,
        users.c.token_version,
        users.c.auth_version,
        utc_now(),
        utc_now(),
        utc_now(sa.bindparam("idle_seconds", type_=sa.Integer)),
        utc_now(sa.bindparam("absolute_seconds", type_=sa.Integer)),
    )
    .where(
        users.c.id == sa.bindparam("user_id"),
        users.c.token_version == sa.bindparam("token_version"),
        users.c.auth_version == sa.bindparam("auth_version"),
    )
    .with_for_update(read=True),
    include_defaults=False,
)


def insert(connection: sa.Connection, session: NewBrowserSession) -> bool:
    """Store a browser session unless its account has changed since it was read; tell whether it was stored.

    One statement, under a shared lock of the user's row, as sessions.new_session.open_session.
    """
    return connection.execute(_OPENED, field_values(session)).rowcount == 1


def find_valid(connection: sa.Connection, token: BrowserSessionToken) -> BrowserSession | None:
    """Read the browser session of a token: None if it has ended, or its account is not as it was."""
    row = connection.execute(_VALID, {"session_id": token.id}).one_or_none()
    return _session(row) if row is not None and _has_token(row, token) else None


def lock_replaced(
    connection: sa.Connection, token: BrowserSessionToken, user_id: uuid.UUID
) -> BrowserSession | None:
    """Read and lock the browser session that a sign-in of a user replaces; None if there is none to replace.

    Of the same user it may have another token by now, because another sign-in of the same browser came first.
    The lock keeps a session that is just ending from being renewed.
    """
    locked = sa.select(browser_sessions.c.id).where(browser_sessions.c.id == token.id).with_for_update()
    if connection.execute(locked).one_or_none() is None:
        return None
    row = connection.execute(_VALID, {"session_id": token.id}).one_or_none()
    if row is None:
        return None
    session = _session(row)
    return session if session.account.id == user_id or _has_token(row, token) else None


def _has_token(row: sa.Row[Any], token: BrowserSessionToken) -> bool:
    return hmac.compare_digest(row[0], token.hash())


def _session(row: sa.Row[Any]) -> BrowserSession:
    end = 1 + len(_SESSION_COLUMNS)
    session_id, auth_time, acr, amr, is_remembered, created_at, last_used_at, absolute_expires_at, now = row[
        1:end
    ]
    return BrowserSession(
        id=session_id,
        authentication=Authentication(auth_time, acr, amr),
        is_remembered=is_remembered,
        created_at=created_at,
        last_used_at=last_used_at,
        absolute_expires_at=absolute_expires_at,
        now=now,
        account=Account(*row[end:]),
    )


@dataclass(frozen=True, slots=True)
class LockedSession:
    """How many seconds a browser session can last, and the claim `ext` of the tokens that come from it."""

    seconds: int
    extensions: Mapping[str, Scalar]


def lock(connection: sa.Connection, session_id: uuid.UUID) -> LockedSession | None:
    """Read a browser session; until the commit it does not end.

    None for one that has ended. Its account is the caller's to compare, which has locked it.
    """
    row = connection.execute(_LOCKED, {"session_id": session_id}).one_or_none()
    return None if row is None else LockedSession(int((row[0] - row[1]).total_seconds()), row[2])


def touch(connection: sa.Connection, session_id: uuid.UUID, *, idle_expires_at: datetime) -> None:
    """Note a use."""
    used = browser_sessions.update().where(browser_sessions.c.id == session_id)
    connection.execute(used.values(last_used_at=utc_now(), idle_expires_at=idle_expires_at))


def list_valid(connection: sa.Connection, user_id: uuid.UUID, count: int) -> list[dict[str, Any]]:
    """Read id, user_agent, ip_address, created_at, last_used_at and expires_at, the last used first."""
    columns = browser_sessions.c
    statement = (
        sa.select(
            columns.id,
            columns.user_agent,
            columns.ip_address,
            columns.created_at,
            columns.last_used_at,
            columns.idle_expires_at.label("expires_at"),
        )
        .join(users, users.c.id == columns.user_id)
        .where(columns.user_id == user_id, _IS_VALID)
        .order_by(columns.last_used_at.desc(), columns.id.desc())
        .limit(count)
    )
    return [dict(row) for row in connection.execute(statement).mappings()]


def owner_of(connection: sa.Connection, session_id: uuid.UUID) -> uuid.UUID | None:
    """Read the user of a browser session; None if there is no such session."""
    found = sa.select(browser_sessions.c.user_id).where(browser_sessions.c.id == session_id)
    return connection.execute(found).scalar_one_or_none()


def find_surplus(connection: sa.Connection, user_id: uuid.UUID, *, most: int, count: int) -> list[uuid.UUID]:
    """Read the ids of a user's least recently used browser sessions past `most`, up to `count`."""
    mine = sa.select(browser_sessions.c.id).where(browser_sessions.c.user_id == user_id)
    newest_first = browser_sessions.c.last_used_at.desc(), browser_sessions.c.id.desc()
    return list(connection.execute(mine.order_by(*newest_first).offset(most).limit(count)).scalars())


def delete(connection: sa.Connection, session_id: uuid.UUID) -> bool:
    """Delete a browser session; tell whether it was there."""
    ended = browser_sessions.delete().where(browser_sessions.c.id == session_id)
    return connection.execute(ended).rowcount == 1


def delete_all(connection: sa.Connection, user_id: uuid.UUID) -> int:
    """Delete every browser session of a user; return how many."""
    return connection.execute(browser_sessions.delete().where(browser_sessions.c.user_id == user_id)).rowcount


def delete_expired(connection: sa.Connection, count: int) -> int:
    """Delete up to `count` browser sessions past their absolute lifetime; return how many."""
    expired = sa.select(browser_sessions.c.id).where(browser_sessions.c.absolute_expires_at <= utc_now())
    ids = list(connection.execute(expired.limit(count).with_for_update(skip_locked=True)).scalars())
    if ids:
        connection.execute(browser_sessions.delete().where(browser_sessions.c.id.in_(ids)))
    return len(ids)
