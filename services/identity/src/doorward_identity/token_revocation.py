"""Revocations of access tokens: written in the transaction of their reason, and polled."""

import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Final

import sqlalchemy as sa

from doorward_client.revocations.models import Changes
from doorward_client.tokens import MAX_LEEWAY_SECONDS
from doorward_identity.tables import revocations
from doorward_kit.column_types import utc_now
from doorward_kit.unit_of_work import Database
from doorward_kit.upsert import upsert

_OVERLAP: Final = timedelta(seconds=10)
"""A row becomes visible when its transaction commits, later than its time says. So a poll goes back
further than any transaction takes; entries that are read twice do no harm."""

PAGE_SIZE: Final = 10_000

_NOW: Final = utc_now().label("now")


class Kind(StrEnum):
    """What a revocation is of."""

    SESSION = "session"
    USER = "user"


def revoke_session(connection: sa.Connection, session_id: uuid.UUID, *, token_seconds: int) -> None:
    """Revoke the access tokens of a session; `token_seconds` is their longest lifetime."""
    _revoke(connection, Kind.SESSION, session_id, 0, token_seconds)


def revoke_user(
    connection: sa.Connection, user_id: uuid.UUID, *, token_version: int, token_seconds: int
) -> None:
    """Revoke a user's access tokens issued under a lower `token_version`."""
    _revoke(connection, Kind.USER, user_id, token_version, token_seconds)


def _revoke(
    connection: sa.Connection, kind: Kind, subject_id: uuid.UUID, token_version: int, token_seconds: int
) -> None:
    expires_at = utc_now(token_seconds + MAX_LEEWAY_SECONDS)
    # The caller holds the lock of what it revokes, so no newer token_version can be overwritten.
    changed = {"token_version": token_version, "revoked_at": utc_now(), "expires_at": expires_at}
    key = {"kind": kind.value, "subject_id": subject_id}
    upsert(connection, revocations, {**key, **changed}, changed=tuple(changed))


@dataclass(slots=True)
class _Poll:
    """The live revocations that a poll has read so far, when it started, and the key to continue after."""

    started_at: datetime
    sessions: dict[uuid.UUID, float] = field(default_factory=dict)
    users: dict[uuid.UUID, tuple[int, float]] = field(default_factory=dict)
    next_key: tuple[str, uuid.UUID] | None = None

    def add(self, rows: Iterable[sa.Row[str, uuid.UUID, int, datetime]]) -> None:
        """Add rows."""
        for kind, subject_id, token_version, expires_at in rows:
            lifetime = (expires_at - self.started_at).total_seconds()
            if kind == Kind.SESSION:
                self.sessions[subject_id] = lifetime
            else:
                self.users[subject_id] = (token_version, lifetime)


_LIVE: Final = sa.select(
    revocations.c.kind, revocations.c.subject_id, revocations.c.token_version, revocations.c.expires_at
).where(revocations.c.expires_at > utc_now())


def _poll_since(connection: sa.Connection, since: datetime) -> _Poll:
    """Read the revocations since an earlier poll."""
    poll = _Poll(connection.execute(sa.select(_NOW)).scalar_one())
    poll.add(connection.execute(_LIVE.where(revocations.c.revoked_at > since - _OVERLAP)))
    return poll


def _poll_page(connection: sa.Connection, poll: _Poll | None) -> _Poll:
    """Read the next page of the whole list. The next poll reads what changes meanwhile."""
    kind, subject_id = revocations.c.kind, revocations.c.subject_id
    page = _LIVE.order_by(kind, subject_id).limit(PAGE_SIZE)
    if poll is None:
        poll = _Poll(connection.execute(sa.select(_NOW)).scalar_one())
    elif poll.next_key is not None:
        last_kind, last_id = poll.next_key
        page = page.where((kind > last_kind) | ((kind == last_kind) & (subject_id > last_id)))
    rows = connection.execute(page).all()
    poll.add(rows)
    poll.next_key = (rows[-1][0], rows[-1][1]) if len(rows) == PAGE_SIZE else None
    return poll


def delete_expired(connection: sa.Connection, count: int) -> int:
    """Delete up to `count` expired revocations; return how many."""
    expired = (
        sa.select(revocations.c.kind, revocations.c.subject_id)
        .where(revocations.c.expires_at <= utc_now())
        .limit(count)
    )
    keys = [(kind, subject_id) for kind, subject_id in connection.execute(expired)]
    if keys:
        connection.execute(
            revocations.delete().where(
                sa.tuple_(revocations.c.kind, revocations.c.subject_id).in_(keys),
                revocations.c.expires_at <= utc_now(),  # unless it was prolonged in between
            )
        )
    return len(keys)


class DatabaseRevocationSource:
    """The list of revocations, read from the identity database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def changes(self, cursor: str | None) -> Changes:
        """Read the revocations since a cursor; raises as Database.read does."""
        since = None if cursor is None else datetime.fromisoformat(cursor)
        started = time.monotonic()
        if since is None:
            poll = await self._read_all()
        else:
            poll = await self._database.read(lambda connection: _poll_since(connection, since))
        # No second query for the time: the poll took less than this process waited for it.
        read_by = poll.started_at + timedelta(seconds=time.monotonic() - started)
        return Changes(poll.sessions, poll.users, _cursor(poll.started_at), read_by=_cursor(read_by))

    async def close(self) -> None:
        """Do nothing: the connections belong to the service."""

    async def _read_all(self) -> _Poll:
        """Read the whole list in pages: a long list in one statement would exceed the time-out."""
        poll = await self._database.read(partial(_poll_page, poll=None))
        while poll.next_key is not None:
            poll = await self._database.read(partial(_poll_page, poll=poll))
        return poll


def _cursor(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")  # so that later cursors sort after earlier ones
