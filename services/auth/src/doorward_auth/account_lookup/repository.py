"""Queries about accounts, for registered services."""

import uuid
from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from doorward_identity.tables import users


class AccountRow(NamedTuple):
    """What a service is told of an account; the id is a UUID's 16 bytes."""

    id: uuid.UUID
    email: str
    name: str
    role: str
    status: str


def find_accounts(connection: sa.Connection, user_ids: Sequence[uuid.UUID]) -> list[AccountRow]:
    """Read several accounts by id, those that exist."""
    columns = users.c.id, users.c.email, users.c.name, users.c.role, users.c.status
    rows = connection.execute(sa.select(*columns).where(users.c.id.in_(user_ids)))
    return [AccountRow(*row) for row in rows]
