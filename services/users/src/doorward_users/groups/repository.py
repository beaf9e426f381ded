"""Queries on groups and their members."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import exc

from doorward_identity.tables import group_members, user_groups, users
from doorward_kit.column_types import utc_now
from doorward_users.groups.errors import GroupNameTakenError


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group as it is stored."""

    id: uuid.UUID
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A user in a group."""

    id: uuid.UUID
    name: str


_GROUPS: Final = sa.select(user_groups.c.id, user_groups.c.name, user_groups.c.created_at)


def list_groups(connection: sa.Connection, after: str | None, count: int) -> Sequence[GroupRow]:
    """Read up to `count` groups by name, after the name `after`."""
    statement = _GROUPS if after is None else _GROUPS.where(user_groups.c.name > after)
    return _rows(connection, statement.order_by(user_groups.c.name).limit(count))


def groups_of(connection: sa.Connection, user_id: uuid.UUID) -> Sequence[GroupRow]:
    """Read the groups of a user by name."""
    joined = _GROUPS.join(group_members, group_members.c.group_id == user_groups.c.id)
    return _rows(connection, joined.where(group_members.c.user_id == user_id).order_by(user_groups.c.name))


def count_groups(connection: sa.Connection) -> int:
    """Count the groups."""
    return connection.execute(sa.select(sa.func.count()).select_from(user_groups)).scalar_one()


def find(connection: sa.Connection, group_id: uuid.UUID, *, lock: bool = False) -> GroupRow | None:
    """Read a group; with `lock`, lock its row until the commit."""
    statement = _GROUPS.where(user_groups.c.id == group_id)
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    return None if row is None else GroupRow(*row)


def insert(connection: sa.Connection, group_id: uuid.UUID, name: str) -> None:
    """Store a group; raises GroupNameTakenError."""
    try:
        connection.execute(user_groups.insert().values(id=group_id, name=name, created_at=utc_now()))
    except exc.IntegrityError as error:
        raise GroupNameTakenError from error


def rename(connection: sa.Connection, group_id: uuid.UUID, name: str) -> None:
    """Change the name of a group; raises GroupNameTakenError."""
    try:
        connection.execute(user_groups.update().where(user_groups.c.id == group_id).values(name=name))
    except exc.IntegrityError as error:
        raise GroupNameTakenError from error


def delete(connection: sa.Connection, group_id: uuid.UUID) -> None:
    """Delete a group with its memberships (ON DELETE CASCADE)."""
    connection.execute(user_groups.delete().where(user_groups.c.id == group_id))


def list_members(
    connection: sa.Connection, group_id: uuid.UUID, after: uuid.UUID | None, count: int
) -> Sequence[MemberRow]:
    """Read up to `count` members by user id, after the id `after`."""
    statement = (
        sa.select(users.c.id, users.c.name)
        .join(group_members, group_members.c.user_id == users.c.id)
        .where(group_members.c.group_id == group_id)
    )
    if after is not None:
        statement = statement.where(group_members.c.user_id > after)
    rows = connection.execute(statement.order_by(group_members.c.user_id).limit(count))
    return [MemberRow(*row) for row in rows]


def add_member(connection: sa.Connection, group_id: uuid.UUID, user_id: uuid.UUID) -> bool:
    """Put a locked user into a locked group; tell whether this is new."""
    is_member = sa.select(group_members.c.user_id).where(*_membership(group_id, user_id))
    if connection.execute(is_member).one_or_none() is not None:
        return False
    connection.execute(group_members.insert().values(group_id=group_id, user_id=user_id))
    return True


def remove_member(connection: sa.Connection, group_id: uuid.UUID, user_id: uuid.UUID) -> bool:
    """Take a user out of a group; tell whether the user was in it."""
    removed = group_members.delete().where(*_membership(group_id, user_id))
    return connection.execute(removed).rowcount == 1


def _membership(group_id: uuid.UUID, user_id: uuid.UUID) -> tuple[sa.ColumnElement[bool], ...]:
    return group_members.c.group_id == group_id, group_members.c.user_id == user_id


def _rows(connection: sa.Connection, statement: sa.Select[Any]) -> Sequence[GroupRow]:
    return [GroupRow(*row) for row in connection.execute(statement)]
