"""Queries on the snapshot of people."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy import exc

from doorward_client.permissions import Role
from doorward_kit.column_types import utc_now
from doorward_kit.upsert import upsert, upsert_all
from doorward_tickets.tables import feed_cursors, idempotency_keys, user_snapshots
from doorward_tickets.user_snapshots.users_client import Profile

_IS_GONE: Final = user_snapshots.c.deleted_at.is_not(None)
_FEED: Final = "deleted_users"
_CHECK: Final = "everybody"


class Snapshot(NamedTuple):
    """What is known of a user; `profile_updated_at` is the `updated_at` of the profile it was taken from."""

    name: str | None
    role: str
    profile_updated_at: datetime | None
    locale: str | None
    deleted_at: datetime | None

    def is_superseded_by(self, profile: Profile) -> bool:
        """Tell whether a profile takes its place: a newer one, or one as old that says something else."""
        if self.deleted_at is not None:
            return False
        if self.profile_updated_at is None or self.profile_updated_at < profile.updated_at:
            return True
        is_same = (self.name, self.role) == (profile.name, profile.role)
        return self.profile_updated_at == profile.updated_at and not is_same


class KnownPerson(NamedTuple):
    """Somebody beside tickets, and since when they count as deleted."""

    id: uuid.UUID
    deleted_at: datetime | None

    @property
    def is_deleted(self) -> bool:
        """Whether they count as deleted."""
        return self.deleted_at is not None


class Check(NamedTuple):
    """The database's time, and when everybody is to be asked about next, as it is stored."""

    now: datetime
    due: str | None

    @property
    def is_due(self) -> bool:
        """Whether it is time."""
        return self.due is None or datetime.fromisoformat(self.due) <= self.now

    def in_seconds(self, seconds: float) -> str:
        """Return a time from now on as it is to be stored."""
        return (self.now + timedelta(seconds=seconds)).isoformat()


def remember(connection: sa.Connection, profiles: Iterable[Profile]) -> None:
    """Store what the directory says of people, unless it has said something newer since, and what they read.

    A look comes first: nearly always nothing has changed, and then no row is locked.
    """
    said = {profile.id: profile for profile in profiles}
    if not said:
        return
    columns = (
        user_snapshots.c.id,
        user_snapshots.c.name,
        user_snapshots.c.role,
        user_snapshots.c.profile_updated_at,
        user_snapshots.c.locale,
        user_snapshots.c.deleted_at,
    )
    looked = connection.execute(sa.select(*columns).where(user_snapshots.c.id.in_(list(said))))
    known = {row.id: Snapshot(*row[1:]) for row in looked}
    for person_id in sorted(said):  # in one order, so that two who do this do not wait in a circle
        profile, snapshot = said[person_id], known.get(person_id)
        if snapshot is None or snapshot.is_superseded_by(profile):
            _store(connection, profile)
        if snapshot is not None and profile.locale not in {"", snapshot.locale}:
            _store_locale(connection, profile)


def _store(connection: sa.Connection, profile: Profile) -> None:
    """Store a profile; the language only of somebody new, for the directory does not know it."""
    said = {
        "name": profile.name,
        "role": profile.role,
        "profile_updated_at": profile.updated_at,
        "updated_at": utc_now(),
    }
    row = {"id": profile.id, **said, "locale": profile.locale or None}
    # The look may be older than a deletion, and than what a later request has stored: both stay.
    unless = sa.or_(_IS_GONE, user_snapshots.c.profile_updated_at > profile.updated_at)
    upsert(connection, user_snapshots, row, changed=tuple(said), unless=unless)


def _store_locale(connection: sa.Connection, profile: Profile) -> None:
    them = user_snapshots.update().where(user_snapshots.c.id == profile.id, ~_IS_GONE)
    connection.execute(them.values(locale=profile.locale, updated_at=utc_now()))


def find_locale(connection: sa.Connection, person_id: uuid.UUID) -> str:
    """Return the language that somebody reads, empty where it is not known."""
    found = sa.select(user_snapshots.c.locale).where(user_snapshots.c.id == person_id)
    return connection.execute(found).scalar_one_or_none() or ""


def forget(connection: sa.Connection, person_ids: Iterable[uuid.UUID]) -> None:
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
        "profile_updated_at": None,
        "deleted_at": utc_now(),
    }
    if ids:
        # Also of those who count as deleted already: whoever would take that back has not seen this one.
        rows = [{"id": person_id, **gone} for person_id in ids]
        upsert_all(connection, user_snapshots, rows, changed=tuple(gone))
        connection.execute(idempotency_keys.delete().where(idempotency_keys.c.caller_id.in_(ids)))


def known_people(connection: sa.Connection, behind: uuid.UUID, count: int) -> list[KnownPerson]:
    """Return up to `count` people behind the id `behind`, in order of their ids."""
    found = sa.select(user_snapshots.c.id, user_snapshots.c.deleted_at).where(user_snapshots.c.id > behind)
    return [KnownPerson(*row) for row in connection.execute(found.order_by(user_snapshots.c.id).limit(count))]


def take_back(connection: sa.Connection, wrongly: Iterable[KnownPerson]) -> None:
    """Undo that people count as deleted, as they did when they were read; not what came since."""
    for person in wrongly:
        same = user_snapshots.c.id == person.id, user_snapshots.c.deleted_at == person.deleted_at
        connection.execute(user_snapshots.update().where(*same).values(deleted_at=None, updated_at=utc_now()))


def find_cursor(connection: sa.Connection) -> str | None:
    """Return how far the feed of deletions was read: None if it never was, empty if it has begun anew."""
    return connection.execute(
        sa.select(feed_cursors.c.cursor).where(feed_cursors.c.name == _FEED)
    ).scalar_one_or_none()


def move_cursor(connection: sa.Connection, before: str | None, after: str) -> bool:
    """Say how far the feed was read; False, and nothing else, if another replica said so since `before`."""
    return _move(connection, _FEED, before, after)


def is_check_due(connection: sa.Connection) -> bool:
    """Tell whether it is time to ask about everybody, by the database's clock."""
    return _next_check(connection).is_due


def claim_reconciliation(connection: sa.Connection, *, seconds: float) -> bool:
    """Take it upon oneself to ask about everybody; False if it is not time, or another replica has taken it.

    Unless it is finished in so many seconds, it is time again. In a transaction.
    """
    check = _next_check(connection)
    return check.is_due and _move(connection, _CHECK, check.due, check.in_seconds(seconds))


def complete_reconciliation(connection: sa.Connection, *, seconds: float) -> None:
    """Say that everybody was asked about, and in how many seconds it is time again."""
    due = _next_check(connection).in_seconds(seconds)
    upsert(connection, feed_cursors, {"name": _CHECK, "cursor": due}, changed=("cursor",))


def _next_check(connection: sa.Connection) -> Check:
    due = sa.select(feed_cursors.c.cursor).where(feed_cursors.c.name == _CHECK).scalar_subquery()
    return Check(*connection.execute(sa.select(utc_now(), due)).one())


def _move(connection: sa.Connection, name: str, before: str | None, after: str) -> bool:
    if before is None:
        try:
            connection.execute(feed_cursors.insert().values(name=name, cursor=after))
        except exc.IntegrityError:
            return False
        return True
    moved = (
        feed_cursors.update()
        .where(feed_cursors.c.name == name, feed_cursors.c.cursor == before)
        .values(cursor=after)
    )
    return connection.execute(moved).rowcount == 1


def is_gone(connection: sa.Connection, person_id: uuid.UUID) -> bool:
    """Tell whether somebody is known to be deleted."""
    found = sa.select(user_snapshots.c.id).where(user_snapshots.c.id == person_id, _IS_GONE)
    return connection.execute(found).scalar_one_or_none() is not None


def find_role(connection: sa.Connection, person_id: uuid.UUID) -> str | None:
    """Return the role that somebody had when they were last heard of."""
    found = sa.select(user_snapshots.c.role).where(user_snapshots.c.id == person_id)
    return connection.execute(found).scalar_one_or_none()
