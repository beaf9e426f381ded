"""Queries on user snapshots, and on the cursors of the sync of deleted users."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy import exc

from doorward_client.permissions import Role
from doorward_kit.column_types import utc_now
from doorward_kit.select_by_keys import SelectByKeys
from doorward_kit.upsert import upsert, upsert_all
from doorward_tickets.tables import feed_cursors, idempotency_keys, user_snapshots
from doorward_tickets.users.users_client import Profile

_IS_DELETED: Final = user_snapshots.c.deleted_at.is_not(None)
_FEED: Final = "deleted_users"
_RECONCILIATION: Final = "reconciliation"
_SNAPSHOTS: Final = SelectByKeys(
    sa.select(
        user_snapshots.c.id,
        user_snapshots.c.name,
        user_snapshots.c.role,
        user_snapshots.c.profile_updated_at,
        user_snapshots.c.locale,
        user_snapshots.c.deleted_at,
    ),
    user_snapshots.c.id,
)


class Snapshot(NamedTuple):
    """A stored profile; `profile_updated_at` is the `updated_at` of the profile."""

    name: str | None
    role: str
    profile_updated_at: datetime | None
    locale: str | None
    deleted_at: datetime | None

    def is_superseded_by(self, profile: Profile) -> bool:
        """Return True if the profile is newer than this snapshot, or equally old with different data."""
        if self.deleted_at is not None:
            return False
        if self.profile_updated_at is None or self.profile_updated_at < profile.updated_at:
            return True
        is_same = (self.name, self.role) == (profile.name, profile.role)
        return self.profile_updated_at == profile.updated_at and not is_same


class KnownUser(NamedTuple):
    """A user with a snapshot."""

    id: uuid.UUID
    deleted_at: datetime | None

    @property
    def is_deleted(self) -> bool:
        return self.deleted_at is not None


class ReconciliationSchedule(NamedTuple):
    """The database's time, and the stored time of the next reconciliation (ISO 8601)."""

    now: datetime
    due_at: str | None

    @property
    def is_due(self) -> bool:
        return self.due_at is None or datetime.fromisoformat(self.due_at) <= self.now

    def stored_time_after(self, seconds: float) -> str:
        """Return a later time in the stored format."""
        return (self.now + timedelta(seconds=seconds)).isoformat()


def store_profiles(connection: sa.Connection, *found: Profile | None) -> None:
    """Store profiles unless the snapshots are newer.

    It reads first, because nearly always nothing has changed, and then no row is locked.
    """
    profiles = {profile.id: profile for profile in found if profile is not None}
    if not profiles:
        return
    rows = _SNAPSHOTS.execute(connection, list(profiles))
    snapshots = {row.id: Snapshot(*row[1:]) for row in rows}
    for user_id in sorted(profiles):  # in one order, so that two transactions cannot deadlock
        profile, snapshot = profiles[user_id], snapshots.get(user_id)
        if snapshot is None or snapshot.is_superseded_by(profile):
            _store(connection, profile)
        if snapshot is not None and profile.locale not in {"", snapshot.locale}:
            _store_locale(connection, profile)


def _store(connection: sa.Connection, profile: Profile) -> None:
    """Upsert a profile; its locale only for a new user, because the users service does not know it."""
    changed = {
        "name": profile.name,
        "role": profile.role,
        "profile_updated_at": profile.updated_at,
        "updated_at": utc_now(),
    }
    row = {"id": profile.id, **changed, "locale": profile.locale or None}
    # A deletion or a newer profile may have been committed since the snapshots were read.
    unless = sa.or_(_IS_DELETED, user_snapshots.c.profile_updated_at > profile.updated_at)
    upsert(connection, user_snapshots, row, changed=tuple(changed), unless=unless)


def _store_locale(connection: sa.Connection, profile: Profile) -> None:
    row = user_snapshots.update().where(user_snapshots.c.id == profile.id, ~_IS_DELETED)
    connection.execute(row.values(locale=profile.locale, updated_at=utc_now()))


def find_locale(connection: sa.Connection, user_id: uuid.UUID) -> str:
    """Return the language of a user, empty if unknown."""
    found = sa.select(user_snapshots.c.locale).where(user_snapshots.c.id == user_id)
    return connection.execute(found).scalar_one_or_none() or ""


def find_role(connection: sa.Connection, user_id: uuid.UUID) -> str | None:
    found = sa.select(user_snapshots.c.role).where(user_snapshots.c.id == user_id)
    return connection.execute(found).scalar_one_or_none()


def is_deleted(connection: sa.Connection, user_id: uuid.UUID) -> bool:
    found = sa.select(user_snapshots.c.id).where(user_snapshots.c.id == user_id, _IS_DELETED)
    return connection.execute(found).scalar_one_or_none() is not None


def mark_deleted(connection: sa.Connection, user_ids: Iterable[uuid.UUID]) -> None:
    """Keep only the ids of deleted users, also of unknown ones: their requests may be under way.

    Stored responses to the users are deleted too, because they contain the names. Responses to other
    users expire within a day or so.
    """
    ids = sorted(user_ids)
    values = {
        "name": None,
        "role": Role.USER.value,
        "updated_at": utc_now(),
        "locale": None,
        "profile_updated_at": None,
        "deleted_at": utc_now(),
    }
    if ids:
        # Users that are marked already get the new time, so that an older reconciliation cannot restore them.
        rows = [{"id": user_id, **values} for user_id in ids]
        upsert_all(connection, user_snapshots, rows, changed=tuple(values))
        connection.execute(idempotency_keys.delete().where(idempotency_keys.c.caller_id.in_(ids)))


def restore(connection: sa.Connection, users: Iterable[KnownUser]) -> None:
    """Unmark users that are not deleted, unless their marks have changed since they were read."""
    for user in users:
        mark = user_snapshots.c.id == user.id, user_snapshots.c.deleted_at == user.deleted_at
        connection.execute(user_snapshots.update().where(*mark).values(deleted_at=None, updated_at=utc_now()))


def list_known_users(connection: sa.Connection, *, after: uuid.UUID, count: int) -> list[KnownUser]:
    """Return up to `count` users after an id, in the order of ids."""
    found = sa.select(user_snapshots.c.id, user_snapshots.c.deleted_at).where(user_snapshots.c.id > after)
    return [KnownUser(*row) for row in connection.execute(found.order_by(user_snapshots.c.id).limit(count))]


def find_cursor(connection: sa.Connection) -> str | None:
    """Return the cursor of the feed: None before the first poll, empty for the feed's beginning."""
    found = sa.select(feed_cursors.c.cursor).where(feed_cursors.c.name == _FEED)
    return connection.execute(found).scalar_one_or_none()


def move_cursor(connection: sa.Connection, before: str | None, after: str) -> bool:
    """Move the cursor of the feed; False if another replica has moved it from `before`."""
    return _move(connection, _FEED, before, after)


def is_reconciliation_due(connection: sa.Connection) -> bool:
    """Return whether the next reconciliation is due, by the database's clock."""
    return _schedule(connection).is_due


def claim_reconciliation(connection: sa.Connection, *, seconds: float) -> bool:
    """Claim the daily reconciliation for this replica; False if another replica has it, or it is not due.

    It is due again after `seconds` unless it is completed. In a transaction.
    """
    schedule = _schedule(connection)
    return schedule.is_due and _move(
        connection, _RECONCILIATION, schedule.due_at, schedule.stored_time_after(seconds)
    )


def complete_reconciliation(connection: sa.Connection, *, seconds: float) -> None:
    """Schedule the next reconciliation in `seconds`."""
    due_at = _schedule(connection).stored_time_after(seconds)
    upsert(connection, feed_cursors, {"name": _RECONCILIATION, "cursor": due_at}, changed=("cursor",))


def _schedule(connection: sa.Connection) -> ReconciliationSchedule:
    due_at = sa.select(feed_cursors.c.cursor).where(feed_cursors.c.name == _RECONCILIATION).scalar_subquery()
    return ReconciliationSchedule(*connection.execute(sa.select(utc_now(), due_at)).one())


def _move(connection: sa.Connection, name: str, before: str | None, after: str) -> bool:
    if before is None:
        try:
            connection.execute(feed_cursors.insert().values(name=name, cursor=after))
        except exc.IntegrityError:
            return False
        return True
    row = feed_cursors.c.name == name, feed_cursors.c.cursor == before
    return connection.execute(feed_cursors.update().where(*row).values(cursor=after)).rowcount == 1
