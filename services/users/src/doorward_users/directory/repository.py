"""Queries on single accounts, and the rows of all. For lists see search.py."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy import exc

from doorward_identity.accounts import EmailTakenError
from doorward_identity.directory_index import update_terms
from doorward_identity.tables import credentials, users
from doorward_kit.column_types import utc_now
from doorward_kit.json_columns import JsonRows
from doorward_kit.select_by_keys import SelectByKeys


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
JSON_ROWS: Final = JsonRows(UserRow._make, _COLUMNS)
SELECT_JSON_ROWS: Final = sa.select(JSON_ROWS.column)
"""The query for pages, which `JSON_ROWS` reads."""

SELECT_ROWS: Final = sa.select(*_COLUMNS)
"""The query for UserRow."""

_BY_ID: Final = SELECT_ROWS.where(users.c.id == sa.bindparam("user_id"))
_BY_IDS: Final = SelectByKeys(SELECT_JSON_ROWS, users.c.id)


def find_user(connection: sa.Connection, user_id: uuid.UUID) -> UserRow | None:
    row = connection.execute(_BY_ID, {"user_id": user_id}).one_or_none()
    return None if row is None else UserRow(*row)


def find_users(connection: sa.Connection, user_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, UserRow]:
    """Read accounts by id; unknown ids are left out."""
    return {row.id: row for row in JSON_ROWS.read(_BY_IDS.execute(connection, user_ids))}


def lock_user(connection: sa.Connection, user_id: uuid.UUID) -> UserRow | None:
    """Read one account and lock its row until the commit."""
    row = connection.execute(_BY_ID.with_for_update(), {"user_id": user_id}).one_or_none()
    return None if row is None else UserRow(*row)


def lock_user_by_email(connection: sa.Connection, email_key: str) -> UserRow | None:
    """Read an account by its canonical address and lock its row until the commit."""
    statement = SELECT_ROWS.where(users.c.email_key == email_key).with_for_update()
    row = connection.execute(statement).one_or_none()
    return None if row is None else UserRow(*row)


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
    if changes.keys() & {"name", "email"}:
        update_terms(connection, [user_id])
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
