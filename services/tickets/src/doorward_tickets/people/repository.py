"""Queries on the snapshot of people."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import exc

from doorward_common.columns import utc_now
from doorward_common.roles import Role
from doorward_common.upserts import upsert, upsert_all
from doorward_tickets.people.directory import Profile
from doorward_tickets.tables import feeds, idempotency_keys, people

_IS_GONE: Final = people.c.deleted_at.is_not(None)
_FEED: Final = "deletions"


class KnownPerson(NamedTuple):
    """Somebody beside tickets, and since when they count as deleted."""

    id: bytes
    deleted_at: datetime | None

    @property
    def is_deleted(self) -> bool:
        """Whether they count as deleted."""
        return self.deleted_at is not None

    @property
    def uuid(self) -> UUID:
        """The id as others spell it."""
        return UUID(bytes=self.id)


def remember(connection: sa.Connection, profiles: Iterable[Profile]) -> None:
    """Store what the directory says of people, where it is not what is known already.

    A look comes first: nearly always nothing has changed, and then no row is locked.
    """
    fresh = {profile.id.bytes: profile for profile in profiles}
    if not fresh:
        return
    known = connection.execute(
        sa.select(people.c.id, people.c.name, people.c.role, people.c.locale, people.c.deleted_at).where(
            people.c.id.in_(list(fresh))
        )
    )
    for row in known:
        if row.deleted_at is not None or _is_known(row, fresh[row.id]):
            del fresh[row.id]
    for person_id in sorted(fresh):  # in one order, so that two who do this do not wait in a circle
        said = _columns(fresh[person_id])
        # The look may be older than a deletion: whoever is gone stays so.
        upsert(connection, people, {"id": person_id, **said}, changed=tuple(said), unless=_IS_GONE)


def _is_known(row: sa.Row[bytes, str | None, str, str | None, datetime | None], profile: Profile) -> bool:
    is_same = (row.name, row.role) == (profile.name, profile.role.value)
    return is_same and profile.locale in {"", row.locale}


def _columns(profile: Profile) -> dict[str, Any]:
    said: dict[str, Any] = {"name": profile.name, "role": profile.role.value, "updated_at": utc_now()}
    if profile.locale:  # else what was said before counts
        said["locale"] = profile.locale
    return said


def find_locale(connection: sa.Connection, person_id: bytes) -> str:
    """Return the language that somebody reads, empty where it is not known."""
    found = sa.select(people.c.locale).where(people.c.id == person_id)
    return connection.execute(found).scalar_one_or_none() or ""


def forget(connection: sa.Connection, person_ids: Iterable[bytes]) -> None:
    """Keep nothing of people but their ids, from now on: they were deleted.

    Also of those who were never heard of: a request of theirs may be under way. What they were answered
    goes too, for it has their names; names in answers to others go with those, within a day or so.
    """
    ids = sorted(person_ids)
    gone = {
        "name": None,
        "role": Role.USER.value,
        "updated_at": utc_now(),
        "locale": None,
        "deleted_at": utc_now(),
    }
    if ids:
        # Also of those who count as deleted already: whoever would take that back has not seen this one.
        rows = [{"id": person_id, **gone} for person_id in ids]
        upsert_all(connection, people, rows, changed=tuple(gone))
        connection.execute(idempotency_keys.delete().where(idempotency_keys.c.caller_id.in_(ids)))


def known_people(connection: sa.Connection, behind: bytes, count: int) -> list[KnownPerson]:
    """Return up to `count` people behind the id `behind`, in order of their ids."""
    found = sa.select(people.c.id, people.c.deleted_at).where(people.c.id > behind)
    return [KnownPerson(*row) for row in connection.execute(found.order_by(people.c.id).limit(count))]


def take_back(connection: sa.Connection, wrongly: Iterable[KnownPerson]) -> None:
    """Undo that people count as deleted, as they did when they were read; not what came since."""
    for person in wrongly:
        same = people.c.id == person.id, people.c.deleted_at == person.deleted_at
        connection.execute(people.update().where(*same).values(deleted_at=None, updated_at=utc_now()))


def find_cursor(connection: sa.Connection) -> str | None:
    """Return how far the feed of deletions was read."""
    return connection.execute(sa.select(feeds.c.cursor).where(feeds.c.name == _FEED)).scalar_one_or_none()


def move_cursor(connection: sa.Connection, before: str | None, after: str) -> bool:
    """Say how far the feed was read; False, and nothing else, if another replica said so since `before`."""
    if before is None:
        try:
            connection.execute(feeds.insert().values(name=_FEED, cursor=after))
        except exc.IntegrityError:
            return False
        return True
    moved = feeds.update().where(feeds.c.name == _FEED, feeds.c.cursor == before).values(cursor=after)
    return connection.execute(moved).rowcount == 1


def is_gone(connection: sa.Connection, person_id: bytes) -> bool:
    """Tell whether somebody is known to be deleted."""
    found = sa.select(people.c.id).where(people.c.id == person_id, _IS_GONE)
    return connection.execute(found).scalar_one_or_none() is not None


def find_role(connection: sa.Connection, person_id: bytes) -> str | None:
    """Return the role that somebody had when they were last heard of."""
    found = sa.select(people.c.role).where(people.c.id == person_id)
    return connection.execute(found).scalar_one_or_none()
