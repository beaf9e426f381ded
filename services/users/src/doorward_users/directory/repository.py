"""Queries of the directory."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy import exc

from doorward_client.permissions import Permission, roles_with
from doorward_identity.accounts import EmailTakenError, Status
from doorward_identity.tables import credentials, users
from doorward_kit.column_types import utc_now
from doorward_kit.json_columns import JsonRows
from doorward_kit.pagination import Position, keyset
from doorward_users.directory.schemas import DirectoryFilter, DirectorySort


class UserRow(NamedTuple):
    """An account as it is stored."""

    id: uuid.UUID
    email: str
    email_key: str
    name: str
    name_key: str
    role: str
    status: str
    email_verified_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime
    avatar_id: uuid.UUID | None
    avatar_digest: bytes | None


_COLUMNS: Final = tuple(users.c[name] for name in UserRow._fields)
_ROWS: Final = JsonRows(UserRow._make, _COLUMNS)
_SELECT_ROWS: Final = sa.select(_ROWS.column)
_SELECT: Final = sa.select(*_COLUMNS)
_ADMIN_ROLES: Final = [role.value for role in roles_with(Permission.ROLES_ASSIGN)]
_BY_ID: Final = _SELECT.where(users.c.id == sa.bindparam("user_id"))
_BY_IDS: Final = _SELECT_ROWS.where(users.c.id.in_(sa.bindparam("user_ids", expanding=True)))

_SORT_COLUMNS: Final[Mapping[str, sa.Column[Any]]] = {
    "created_at": users.c.created_at,
    "email": users.c.email_key,
    "name": users.c.name_key,
}


def find_user(connection: sa.Connection, user_id: uuid.UUID) -> UserRow | None:
    row = connection.execute(_BY_ID, {"user_id": user_id}).one_or_none()
    return None if row is None else UserRow(*row)


def find_users(connection: sa.Connection, user_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, UserRow]:
    """Read accounts by id; unknown ids are left out."""
    return {row.id: row for row in _ROWS.read(connection.execute(_BY_IDS, {"user_ids": user_ids}))}


def lock_user(connection: sa.Connection, user_id: uuid.UUID) -> UserRow | None:
    """Read one account and lock its row until the commit."""
    row = connection.execute(_BY_ID.with_for_update(), {"user_id": user_id}).one_or_none()
    return None if row is None else UserRow(*row)


def lock_user_by_email(connection: sa.Connection, email_key: str) -> UserRow | None:
    """Read an account by its canonical address and lock its row until the commit."""
    statement = _SELECT.where(users.c.email_key == email_key).with_for_update()
    row = connection.execute(statement).one_or_none()
    return None if row is None else UserRow(*row)


def lock_administrators(connection: sa.Connection) -> list[uuid.UUID]:
    """Lock the active accounts that can assign roles, in one order for all callers; return their ids.

    Otherwise two callers could each remove a different one of the last two.
    """
    statement = (
        sa.select(users.c.id)
        .where(users.c.role.in_(_ADMIN_ROLES), users.c.status == Status.ACTIVE.value)
        .order_by(users.c.role, users.c.created_at, users.c.id)
        .with_for_update()
    )
    return list(connection.execute(statement).scalars())


def get_user(connection: sa.Connection, user_id: uuid.UUID) -> UserRow:
    """Read an account, that exists: the caller has inserted or locked it."""
    return UserRow(*connection.execute(_BY_ID, {"user_id": user_id}).one())


def update_user(connection: sa.Connection, user_id: uuid.UUID, changes: Mapping[str, Any]) -> UserRow:
    """Change a locked account and raise its version; raises EmailTakenError."""
    values = {**changes, "version": users.c.version + 1, "updated_at": utc_now()}
    try:
        connection.execute(users.update().where(users.c.id == user_id).values(values))
    except exc.IntegrityError as error:
        raise EmailTakenError from error
    return get_user(connection, user_id)


def set_password_hash(
    connection: sa.Connection, user_id: uuid.UUID, password_hash: str, *, must_change: bool = False
) -> None:
    """Store the password hash of a locked account. The database account may write hashes, not read them."""
    if not has_password(connection, user_id):
        _insert_hash(connection, user_id, password_hash, must_change=must_change)
        return
    connection.execute(
        credentials.update()
        .where(credentials.c.user_id == user_id)
        .values(password_hash=password_hash, must_change=must_change, updated_at=utc_now())
    )


def has_password(connection: sa.Connection, user_id: uuid.UUID) -> bool:
    """Tell whether an account has a password; an invited one has none until it is accepted."""
    found = sa.select(credentials.c.user_id).where(credentials.c.user_id == user_id)
    return connection.execute(found).scalar_one_or_none() is not None


def _insert_hash(
    connection: sa.Connection, user_id: uuid.UUID, password_hash: str, *, must_change: bool
) -> None:
    connection.execute(
        credentials.insert().values(
            user_id=user_id, password_hash=password_hash, must_change=must_change, updated_at=utc_now()
        )
    )


def delete_user(connection: sa.Connection, user_id: uuid.UUID) -> None:
    """Delete an account with its credentials and sessions (ON DELETE CASCADE)."""
    connection.execute(users.delete().where(users.c.id == user_id))


def list_users(
    connection: sa.Connection,
    criteria: DirectoryFilter,
    sort: DirectorySort,
    position: Position | None,
    count: int,
    *,
    searches_addresses: bool,
) -> list[UserRow]:
    """Read up to `count` accounts after `position`, in order."""
    column = _SORT_COLUMNS[sort.value.removeprefix("-")]
    # An address is unique, and a tie-breaker would keep its index from being used.
    tie_breaker = None if column is users.c.email_key else users.c.id
    behind = None
    if position is not None:
        value = datetime.fromisoformat(position.value) if column is users.c.created_at else position.value
        behind = value, uuid.UUID(hex=position.id)
    statement = keyset(
        _SELECT_ROWS.where(*_conditions(criteria, searches_addresses=searches_addresses)),
        column,
        tie_breaker,
        behind,
        descending=sort.value.startswith("-"),
    )
    return _ROWS.read(connection.execute(statement.limit(count)))


def position_of(row: UserRow, sort: DirectorySort) -> Position:
    """Return the cursor position of a row."""
    values = {"created_at": row.created_at.isoformat(), "email": row.email_key, "name": row.name_key}
    return Position(values[sort.value.removeprefix("-")], row.id.hex)


def _conditions(criteria: DirectoryFilter, *, searches_addresses: bool) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if criteria.role is not None:
        conditions.append(users.c.role == criteria.role.value)
    if criteria.status is not None:
        conditions.append(users.c.status == criteria.status.value)
    if criteria.search is not None:
        # Prefixes only, because an index serves them.
        columns = [users.c.name_key, *([users.c.email_key] if searches_addresses else [])]
        conditions.append(
            sa.or_(*(column.startswith(criteria.search, autoescape=True) for column in columns))
        )
    return conditions
