"""Queries of pictures, and the rule by which none is forgotten.

A picture is a row before it is anything else. The row has an end (`expires_at`) until a user has the picture:
the transaction that gives it to the user removes the end, and the one that takes it away sets it. Whatever
has ended is deleted: first what other storage has of it, then the row. So a process may die between any two
steps, and an end that has passed is never removed. Clocks do not matter: all times are the database's.
"""

import uuid
from collections.abc import Collection, Sequence
from typing import Any, Final

import sqlalchemy as sa

from doorward_identity.avatars.avatar import Avatar, AvatarReference, AvatarSize
from doorward_identity.avatars.settings import AvatarStorage
from doorward_identity.tables import avatars, pending_registrations, users
from doorward_kit.column_types import utc_now

UPLOAD_SECONDS: Final = 3_600
"""How long an upload may take until a user has the picture. It usually takes a second."""

MAX_WAITING: Final = 2_000
"""Pictures that no user has yet: 80 MB usually, at most 290. Strangers send them with registrations."""

_ENDED: Final = avatars.c.expires_at <= utc_now()
_SIZES: Final = {AvatarSize.SMALL: avatars.c.small, AvatarSize.LARGE: avatars.c.large}


def insert(connection: sa.Connection, reference: AvatarReference, storage: AvatarStorage) -> None:
    """Announce a picture that is going to be stored."""
    row = {
        "id": reference.id,
        "digest": reference.digest,
        "storage": storage.value,
        "expires_at": utc_now(UPLOAD_SECONDS),
    }
    connection.execute(avatars.insert().values(row))


def set_bytes(connection: sa.Connection, avatar_id: uuid.UUID, avatar: Avatar) -> None:
    """Store both sizes in the database."""
    stored = avatars.update().where(avatars.c.id == avatar_id)
    connection.execute(stored.values(small=avatar.small, large=avatar.large))


def find_bytes(connection: sa.Connection, avatar_id: uuid.UUID, size: AvatarSize) -> bytes | None:
    """Read one size from the database; None where it has none."""
    found = sa.select(_SIZES[size]).where(avatars.c.id == avatar_id)
    return connection.execute(found).scalar_one_or_none()


def keep(connection: sa.Connection, avatar_id: uuid.UUID, *, seconds: int | None = None) -> bool:
    """Keep a picture that has not ended, for good or for a time; return False if it has."""
    expires_at: Any = None if seconds is None else utc_now(seconds)
    kept = avatars.update().where(avatars.c.id == avatar_id, avatars.c.expires_at > utc_now())
    return connection.execute(kept.values(expires_at=expires_at)).rowcount == 1


def end(connection: sa.Connection, avatar_id: uuid.UUID) -> None:
    """End a picture, because no user has it any more."""
    connection.execute(avatars.update().where(avatars.c.id == avatar_id).values(expires_at=utc_now()))


def note_choice(connection: sa.Connection, user_id: uuid.UUID) -> None:
    """Note that the picture of a locked user is set or deleted here, so that no upstream changes it."""
    undecided = users.update().where(users.c.id == user_id, users.c.avatar_chosen.is_(sa.false()))
    connection.execute(undecided.values(avatar_chosen=True))


def end_of_registrations(connection: sa.Connection, email_key: str) -> None:
    """End the pictures of the registrations of an address, except one that a user has got since."""
    theirs = sa.select(pending_registrations.c.avatar_id).where(
        pending_registrations.c.email_key == email_key, pending_registrations.c.avatar_id.is_not(None)
    )
    # Not a subquery: MariaDB would read every picture for it, and lock them.
    found = connection.execute(theirs).scalars().all()
    if found:
        waiting = avatars.update().where(avatars.c.id.in_(found), avatars.c.expires_at.is_not(None))
        connection.execute(waiting.values(expires_at=utc_now()))


def may_wait(connection: sa.Connection) -> bool:
    """Tell whether there is room for a picture that no user has yet."""
    waiting = sa.select(avatars.c.id).where(avatars.c.expires_at > utc_now()).limit(MAX_WAITING)
    return (
        connection.execute(sa.select(sa.func.count()).select_from(waiting.subquery())).scalar_one()
        < MAX_WAITING
    )


def find_ended(
    connection: sa.Connection, storages: Collection[AvatarStorage], count: int
) -> Sequence[uuid.UUID]:
    """Return up to `count` pictures of some storages that have ended."""
    found = sa.select(avatars.c.id).where(_ENDED, avatars.c.storage.in_(storages))
    return connection.execute(found.order_by(avatars.c.expires_at).limit(count)).scalars().all()


def find_ended_among(
    connection: sa.Connection, storages: Collection[AvatarStorage], avatar_ids: Collection[uuid.UUID]
) -> Sequence[uuid.UUID]:
    """Return those of the pictures that have ended."""
    found = sa.select(avatars.c.id).where(
        avatars.c.id.in_(avatar_ids), _ENDED, avatars.c.storage.in_(storages)
    )
    return connection.execute(found).scalars().all()


def delete_ended(connection: sa.Connection, avatar_ids: Collection[uuid.UUID]) -> None:
    """Delete the rows of pictures that have ended."""
    connection.execute(avatars.delete().where(avatars.c.id.in_(avatar_ids), _ENDED))
