"""Queries of changing an address."""

import uuid

import sqlalchemy as sa
from sqlalchemy import exc

from doorward_identity.tables import users
from doorward_kit.column_types import utc_now


def is_taken(connection: sa.Connection, email_key: str) -> bool:
    """Tell whether an account has the address."""
    found = sa.select(users.c.id).where(users.c.email_key == email_key)
    return connection.execute(found).scalar_one_or_none() is not None


def set_email(connection: sa.Connection, user_id: uuid.UUID, email: str, email_key: str) -> bool:
    """Change a locked account's address, which is proven; tell whether it was free."""
    values = {"email": email, "email_key": email_key, "email_verified_at": utc_now(), "updated_at": utc_now()}
    try:
        connection.execute(
            users.update().where(users.c.id == user_id).values(version=users.c.version + 1, **values)
        )
    except exc.IntegrityError:
        return False
    return True
