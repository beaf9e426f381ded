"""Revocations in the identity database: written in the transaction that ends a session, and polled."""

import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Final

import sqlalchemy as sa

from doorward_client.revocations.models import FetchedRevocations, RevocationEntries
from doorward_client.tokens import MAX_LEEWAY_SECONDS
from doorward_identity.data_age import DataAge
from doorward_identity.tables import revocations
from doorward_kit.column_types import utc_now
from doorward_kit.unit_of_work import Database
from doorward_kit.upsert import upsert, upsert_all

_OVERLAP: Final = timedelta(seconds=10)
"""A row becomes visible when its transaction commits, later than its `revoked_at`. Each poll therefore reads
again what is younger than the longest transaction; a repeated entry does no harm."""

FULL_READ_SECONDS: Final = 60.0
"""Interval at which the whole list is read, so that an entry that a poll missed is found."""

PAGE_SIZE: Final = 10_000

_NOW: Final = utc_now().label("now")


class RevocationKind(StrEnum):
    """The object of a revocation."""

    SESSION = "session"
    USER = "user"


def revoke_session(connection: sa.Connection, session_id: uuid.UUID, *, token_seconds: int) -> None:
    """Revoke the access tokens of a session; `token_seconds` is their lifetime."""
    _revoke(connection, RevocationKind.SESSION, session_id, 0, token_seconds)


def revoke_sessions(
    connection: sa.Connection, session_ids: Sequence[uuid.UUID], *, token_seconds: int
) -> None:
    """Revoke the access tokens of several sessions."""
    changed = {
        "token_version": 0,
        "revoked_at": utc_now(),
        "expires_at": utc_now(token_seconds + MAX_LEEWAY_SECONDS),
    }
    rows = [
        {"kind": RevocationKind.SESSION.value, "subject_id": session_id, **changed}
        for session_id in sorted(session_ids)
    ]
    if rows:
        upsert_all(connection, revocations, rows, changed=tuple(changed))


def revoke_user(
    connection: sa.Connection, user_id: uuid.UUID, *, token_version: int, token_seconds: int
) -> None:
    """Revoke the access tokens of a user that have a lower `token_version`."""
    _revoke(connection, RevocationKind.USER, user_id, token_version, token_seconds)


def _revoke(
    connection: sa.Connection,
    kind: RevocationKind,
    subject_id: uuid.UUID,
    token_version: int,
    token_seconds: int,
) -> None:
    expires_at = utc_now(token_seconds + MAX_LEEWAY_SECONDS)
    # The caller has locked the session or user, so a newer token_version cannot be overwritten.
    changed = {"token_version": token_version, "revoked_at": utc_now(), "expires_at": expires_at}
    key = {"kind": kind.value, "subject_id": subject_id}
    upsert(connection, revocations, {**key, **changed}, changed=tuple(changed))


@dataclass(slots=True)
class _ReadProgress:
    """The entries read so far, when the read started, and the key of the last row if there are more."""

    started_at: datetime
    sessions: dict[uuid.UUID, float] = field(default_factory=dict)
    users: dict[uuid.UUID, tuple[int, float]] = field(default_factory=dict)
    last_key: tuple[str, uuid.UUID] | None = None

    def add(self, rows: Iterable[sa.Row[str, uuid.UUID, int, datetime]]) -> None:
        for kind, subject_id, token_version, expires_at in rows:
            lifetime = (expires_at - self.started_at).total_seconds()
            if kind == RevocationKind.SESSION:
                self.sessions[subject_id] = lifetime
            else:
                self.users[subject_id] = (token_version, lifetime)


_LIVE: Final = sa.select(
    revocations.c.kind, revocations.c.subject_id, revocations.c.token_version, revocations.c.expires_at
).where(revocations.c.expires_at > utc_now())


def _read_since(connection: sa.Connection, since: datetime) -> _ReadProgress:
    """Read the revocations since an earlier read began."""
    read = _ReadProgress(connection.execute(sa.select(_NOW)).scalar_one())
    read.add(connection.execute(_LIVE.where(revocations.c.revoked_at > since - _OVERLAP)))
    return read


def _read_page(connection: sa.Connection, read: _ReadProgress | None) -> _ReadProgress:
    """Read the next page of the whole list; the next poll brings what changes in earlier pages."""
    kind, subject_id = revocations.c.kind, revocations.c.subject_id
    page = _LIVE.order_by(kind, subject_id).limit(PAGE_SIZE)
    if read is None:
        read = _ReadProgress(connection.execute(sa.select(_NOW)).scalar_one())
    elif read.last_key is not None:
        last_kind, last_id = read.last_key
        page = page.where((kind > last_kind) | ((kind == last_kind) & (subject_id > last_id)))
    rows = connection.execute(page).all()
    read.add(rows)
    read.last_key = (rows[-1][0], rows[-1][1]) if len(rows) == PAGE_SIZE else None
    return read


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
                revocations.c.expires_at <= utc_now(),  # unless it was extended in the meantime
            )
        )
    return len(keys)


class DatabaseRevocationSource:
    """The revocation list of the identity database: changes each poll, and regularly the whole list.

    The list is as old as the data that the database shows; `max_age` seconds are the limit.
    """

    def __init__(self, database: Database, *, max_age: float) -> None:
        self._database = database
        self._data_age = DataAge(database, max_age=max_age)
        self._since: datetime | None = None
        self._full_read_at = 0.0

    async def fetch(self) -> FetchedRevocations:
        """Read the changes or the whole list; raises as Database.read does."""
        age = await self._data_age.measure()
        since, now = self._since, time.monotonic()
        if since is None or now - self._full_read_at > FULL_READ_SECONDS:
            read = await self._read_all()
            self._full_read_at = now
        else:
            read = await self._database.read(lambda connection: _read_since(connection, since))
        self._since = read.started_at
        return FetchedRevocations(RevocationEntries(read.sessions, read.users), age)

    def problem(self) -> str | None:
        return self._data_age.problem()

    def warning(self) -> str | None:
        return self._data_age.warning()

    async def close(self) -> None:
        """Keep the connections, which belong to the service."""

    async def _read_all(self) -> _ReadProgress:
        """Read in pages: one statement over a long list statement would exceed the database's time limit."""
        read = await self._database.read(partial(_read_page, read=None))
        while read.last_key is not None:
            read = await self._database.read(partial(_read_page, read=read))
        return read
