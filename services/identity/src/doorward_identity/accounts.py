"""Accounts: their states, how one is created, and what a change of credentials ends."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc

from doorward_client.errors import DoorwardError
from doorward_client.permissions import Role
from doorward_identity.avatars.avatar import AvatarReference
from doorward_identity.directory_index import insert_terms
from doorward_identity.emails import email_key
from doorward_identity.names import name_key
from doorward_identity.tables import credentials, sessions, users
from doorward_kit.column_types import utc_now

Moment = datetime | sa.ColumnElement[datetime]
"""A time, or the function of the database that returns it."""


class Status(StrEnum):
    """Whether an account may sign in."""

    ACTIVE = "active"
    DISABLED = "disabled"


class SessionEnd(StrEnum):
    """Why a session ended."""

    LOGOUT = "logout"
    REVOKED = "revoked_by_service"
    REUSE = "refresh_token_reuse"
    CODE_REUSE = "authorization_code_reuse"
    CONSENT = "consent_withdrawn"
    DISABLED = "account_disabled"
    PASSWORD = "password_changed"  # noqa: S105 - a reason, not a secret
    EMAIL = "email_changed"
    LIMIT = "session_limit"
    UPSTREAM = "upstream_ended"
    CLIENT = "client_removed"
    CREDENTIALS = "credentials_changed"
    REPLACED = "another_user_signed_in"


class EmailTakenError(DoorwardError):
    """409: another account has this address, perhaps in another spelling."""

    status = 409
    code = "email_taken"
    detail = "Another account has this email address."


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """An account to create. Without a password its owner is invited, or comes from an upstream.

    `email_key` is for an account that reserves no address; otherwise it is that of the address.
    """

    id: uuid.UUID
    email: str
    email_key: str | None = None
    name: str
    role: Role = Role.USER
    is_verified: bool
    password_hash: str | None = None
    must_change: bool = False
    status: Status = Status.ACTIVE
    avatar: AvatarReference | None = None


def create_account(connection: sa.Connection, account: NewAccount) -> None:
    """Insert an account, its search terms and its password; raises EmailTakenError and InvalidEmailError."""
    now = utc_now()
    key = account.email_key or email_key(account.email)
    try:
        connection.execute(users.insert().values(account_row(account, key, now)))
    except exc.IntegrityError as error:
        raise EmailTakenError from error
    insert_terms(connection, account.id, account.name, account.email, key)
    if account.password_hash is not None:
        connection.execute(credentials.insert().values(credentials_row(account, now)))


def account_row(account: NewAccount, key: str, now: Moment) -> dict[str, Any]:
    """Return the row of a new account in `users`."""
    return {
        "id": account.id,
        "email": account.email,
        "email_key": key,
        "name": account.name,
        "name_key": name_key(account.name),
        "role": account.role.value,
        "status": account.status.value,
        "email_verified_at": now if account.is_verified else None,
        "token_version": 0,
        "auth_version": 0,
        "version": 1,
        "created_at": now,
        "updated_at": now,
        "avatar_id": None if account.avatar is None else account.avatar.id,
        "avatar_digest": None if account.avatar is None else account.avatar.digest,
        "avatar_chosen": account.avatar is not None,
    }


def credentials_row(account: NewAccount, now: Moment) -> dict[str, Any]:
    """Return the row of a new account in `credentials`."""
    return {
        "user_id": account.id,
        "password_hash": account.password_hash,
        "must_change": account.must_change,
        "updated_at": now,
    }


def credentials_changed(connection: sa.Connection, user_id: uuid.UUID) -> None:
    """Void every sign-in of the account that is not finished.

    For every change of what a sign-in proves or depends on: password, second factor, status, role. Call it
    after ending the sessions that end with the change. The others get the new version, but for one that
    another node of a cluster opened at this moment: its next refresh is rejected.
    """
    connection.execute(
        users.update().where(users.c.id == user_id).values(auth_version=users.c.auth_version + 1)
    )
    before = sa.select(users.c.auth_version - 1).where(users.c.id == user_id).scalar_subquery()
    live = sessions.update().where(sessions.c.user_id == user_id, sessions.c.ended_at.is_(None))
    connection.execute(
        live.where(sessions.c.auth_version == before).values(auth_version=sessions.c.auth_version + 1)
    )
