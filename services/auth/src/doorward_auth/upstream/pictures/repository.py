"""Queries of the pictures at upstreams.

A user's picture is an upstream's as long as `users.avatar_id` is the identity's `picture_id`, and nothing was
set or deleted here. Both are null before the first. The picture of another upstream, of a registration, and
one that was set here differ, and so does a deletion.
"""

import uuid
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from doorward_identity.avatars.avatar import AvatarReference
from doorward_identity.tables import upstream_identities, users
from doorward_kit.column_types import utc_now

CHECK_SECONDS: Final = 86_400
"""How long the answer about a URL is valid. The picture there may change while the URL stays the same."""

_C: Final = upstream_identities.c
_IS_RECENT: Final = sa.func.coalesce(_C.picture_checked_at > utc_now(-CHECK_SECONDS), sa.false())


@dataclass(frozen=True, slots=True)
class PictureState:
    """The picture of a user, and what is known of the one at the upstream."""

    avatar_id: uuid.UUID | None
    is_chosen: bool
    picture_id: uuid.UUID | None
    file_hash: bytes | None
    url_hash: bytes | None
    is_recent: bool

    @property
    def is_upstreams(self) -> bool:
        """Whether the upstream may change the picture."""
        return not self.is_chosen and self.avatar_id == self.picture_id


_STATE: Final = (
    sa.select(
        users.c.avatar_id,
        users.c.avatar_chosen,
        _C.picture_id,
        _C.picture_file_hash,
        _C.picture_url_hash,
        _IS_RECENT.label("is_recent"),
    )
    .join_from(upstream_identities, users, users.c.id == _C.user_id)
    .where(_C.user_id == sa.bindparam("user_id"), _C.provider == sa.bindparam("provider"))
)


def find_state(connection: sa.Connection, user_id: uuid.UUID, provider: str) -> PictureState | None:
    """Read the state of a user's picture; None if the user or the link is gone."""
    row = connection.execute(_STATE, {"user_id": user_id, "provider": provider}).one_or_none()
    if row is None:
        return None
    return PictureState(row[0], bool(row[1]), row[2], row[3], row[4], bool(row[5]))


def lock_state(connection: sa.Connection, user_id: uuid.UUID, provider: str) -> PictureState | None:
    """Read the state as `find_state` does; until the commit nothing changes the user's picture."""
    # The user's row alone, as every login and every change of the picture does.
    connection.execute(sa.select(users.c.id).where(users.c.id == user_id).with_for_update())
    return find_state(connection, user_id, provider)


def note_answer(connection: sa.Connection, user_id: uuid.UUID, provider: str, url_hash: bytes) -> None:
    """Note that the host of a URL has answered, so that it is asked again in a day at the earliest."""
    _update_identity(connection, user_id, provider, {"picture_url_hash": url_hash})


def set_picture(
    connection: sa.Connection,
    user_id: uuid.UUID,
    provider: str,
    new: AvatarReference,
    *,
    url_hash: bytes,
    file_hash: bytes,
) -> None:
    """Give a locked user the picture of an upstream. The caller ends the earlier one."""
    changed = {"avatar_id": new.id, "avatar_digest": new.digest}
    raised = {"version": users.c.version + 1, "updated_at": utc_now()}
    connection.execute(users.update().where(users.c.id == user_id).values({**changed, **raised}))
    values = {"picture_id": new.id, "picture_file_hash": file_hash, "picture_url_hash": url_hash}
    _update_identity(connection, user_id, provider, values)


def _update_identity(
    connection: sa.Connection, user_id: uuid.UUID, provider: str, values: dict[str, Any]
) -> None:
    mine = upstream_identities.update().where(_C.user_id == user_id, _C.provider == provider)
    connection.execute(mine.values({**values, "picture_checked_at": utc_now()}))
