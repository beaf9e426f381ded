"""Queries on accounts and their passwords, shared by every feature of auth."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import exc

from doorward_identity.account_changes import Owner
from doorward_identity.accounts import EmailTakenError, Status
from doorward_identity.directory_index import update_terms
from doorward_identity.tables import credentials, users
from doorward_kit.column_types import utc_now

NO_USER: Final = uuid.UUID(int=0)
"""Stands for the account of an unknown address, so that the same statements run for it."""


class AccountChangedError(Exception):
    """The account is not as it was read."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it was read. `password_hash` is None until an invitation is accepted."""

    id: uuid.UUID
    email: str
    name: str
    role: str
    status: str
    token_version: int
    auth_version: int
    email_verified_at: datetime | None
    password_hash: str | None
    must_change: bool | None

    @property
    def is_active(self) -> bool:
        """Whether the account may sign in."""
        return self.status == Status.ACTIVE

    @property
    def is_verified(self) -> bool:
        """Whether its owner has proven the address, or an administrator vouched for it at the creation."""
        return self.email_verified_at is not None

    @property
    def has_joined(self) -> bool:
        """Whether it has a password or was imported without one, and not only invited."""
        return self.password_hash is not None or self.is_verified

    @property
    def as_owner(self) -> Owner:
        """The part of the account that the consequences of a change need."""
        return Owner(self.id, self.email)


COLUMNS: Final[tuple[sa.ColumnElement[Any], ...]] = (
    users.c.id,
    users.c.email,
    users.c.name,
    users.c.role,
    users.c.status,
    users.c.token_version,
    users.c.auth_version,
    users.c.email_verified_at,
    credentials.c.password_hash,
    credentials.c.must_change,
)
_ACCOUNT: Final = sa.select(*COLUMNS).outerjoin_from(users, credentials, credentials.c.user_id == users.c.id)
_ONE_ROW: Final = sa.select(sa.literal_column("1").label("one")).subquery("one_row")
_BY_EMAIL_OR_NULLS: Final = sa.select(*COLUMNS).select_from(
    _ONE_ROW.outerjoin(users, users.c.email_key == sa.bindparam("email_key")).outerjoin(
        credentials, credentials.c.user_id == users.c.id
    )
)
_BY_ID: Final = _ACCOUNT.where(users.c.id == sa.bindparam("user_id"))
_LOCKED_BY_EMAIL: Final = _ACCOUNT.where(users.c.email_key == sa.bindparam("email_key")).with_for_update()
_LOCKED_BY_ID: Final = _BY_ID.with_for_update()
_HELD_BY_ID: Final = _BY_ID.with_for_update(read=True)


def find_by_email(connection: sa.Connection, email_key: str) -> Account | None:
    """Read an account by its canonical address. An unknown one costs the same: a row of NULLs is read."""
    row = connection.execute(_BY_EMAIL_OR_NULLS, {"email_key": email_key}).one()
    account = Account(*row)
    return None if row.id is None else account


def find_by_id(connection: sa.Connection, user_id: uuid.UUID) -> Account | None:
    """Read an account."""
    row = connection.execute(_BY_ID, {"user_id": user_id}).one_or_none()
    return None if row is None else Account(*row)


def lock_by_email(connection: sa.Connection, email_key: str) -> Account | None:
    """Read an account as `lock_by_id` does, by its canonical address."""
    row = connection.execute(_LOCKED_BY_EMAIL, {"email_key": email_key}).one_or_none()
    return None if row is None else Account(*row)


def lock_by_id(connection: sa.Connection, user_id: uuid.UUID) -> Account | None:
    """Read an account; until the commit nothing changes it and no session of it opens."""
    row = connection.execute(_LOCKED_BY_ID, {"user_id": user_id}).one_or_none()
    return None if row is None else Account(*row)


def lock_shared_by_id(connection: sa.Connection, user_id: uuid.UUID) -> Account | None:
    """Read an account; until the commit nothing changes it. Several transactions can do so at once."""
    row = connection.execute(_HELD_BY_ID, {"user_id": user_id}).one_or_none()
    return None if row is None else Account(*row)


def find_summaries(connection: sa.Connection, user_ids: Sequence[uuid.UUID]) -> Sequence[sa.RowMapping]:
    """Read the accounts that exist.

    The columns are id, email (None if it is empty), email_verified, name, role, status and avatar_digest.
    """
    columns = (
        users.c.id,
        sa.func.nullif(users.c.email, "").label("email"),
        users.c.email_verified_at.is_not(None).label("email_verified"),
        users.c.name,
        users.c.role,
        users.c.status,
        users.c.avatar_digest,
    )
    return connection.execute(sa.select(*columns).where(users.c.id.in_(user_ids))).mappings().all()


def set_password(connection: sa.Connection, account: Account, password_hash: str) -> None:
    """Store the password of a locked account, chosen by its owner."""
    fresh = {"password_hash": password_hash, "must_change": False, "updated_at": utc_now()}
    if account.password_hash is None:
        connection.execute(credentials.insert().values(user_id=account.id, **fresh))
    else:
        connection.execute(credentials.update().where(credentials.c.user_id == account.id).values(fresh))


def renew_hash(connection: sa.Connection, user_id: uuid.UUID, *, old: str, new: str) -> None:
    """Store another hash of the same password, unless the password was changed in between."""
    connection.execute(
        credentials.update()
        .where(credentials.c.user_id == user_id, credentials.c.password_hash == old)
        .values(password_hash=new, updated_at=utc_now())
    )


def mark_verified(connection: sa.Connection, user_id: uuid.UUID) -> None:
    """Note that the owner has proven the email address, unless that is known."""
    unverified = users.update().where(users.c.id == user_id, users.c.email_verified_at.is_(None))
    connection.execute(unverified.values(email_verified_at=utc_now(), version=users.c.version + 1))


def is_email_taken(connection: sa.Connection, email_key: str) -> bool:
    """Tell whether an account has the address."""
    found = sa.select(users.c.id).where(users.c.email_key == email_key)
    return connection.execute(found).scalar_one_or_none() is not None


def set_role(connection: sa.Connection, user_id: uuid.UUID, role: str) -> None:
    """Store the role of a locked account."""
    values = {"role": role, "version": users.c.version + 1, "updated_at": utc_now()}
    connection.execute(users.update().where(users.c.id == user_id).values(values))


def set_email(connection: sa.Connection, user_id: uuid.UUID, email: str, email_key: str) -> None:
    """Store a proven address of a locked account; raises EmailTakenError."""
    values = {"email": email, "email_key": email_key, "email_verified_at": utc_now(), "updated_at": utc_now()}
    try:
        connection.execute(
            users.update().where(users.c.id == user_id).values(version=users.c.version + 1, **values)
        )
    except exc.IntegrityError as error:
        raise EmailTakenError from error
    update_terms(connection, [user_id])
