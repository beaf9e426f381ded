"""Inserts grants of an upstream that become due one after the other, among many that are not due."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import uuid_utils.compat as uuid7s

from doorward_identity.tables import sessions, upstream_grants
from integration.harness.bulk_users import enrol
from integration.upstream.grant_setup import PROVIDER, GrantSetup, new_session
from integration.upstream.rotating_upstream import RotatingUpstream

_USERS: Final = 200
_BATCH: Final = 500
_FIRST_DUE_SECONDS: Final = 5.0
_ACCESS_TOKEN: Final = "a" * 1_200
_REFRESH_TOKEN: Final = "r" * 800


def create(grant_setup: GrantSetup, *, due: int, seconds_apart: float, others: int) -> None:
    """Insert `due` grants, the first one due in a few seconds, and `others` due in two hours."""
    users = enrol(grant_setup.url, _USERS)
    now = datetime.now(UTC)
    waits = itertools.chain(
        (_FIRST_DUE_SECONDS + number * seconds_apart for number in range(due)),
        itertools.repeat(7_200.0, others),
    )
    rows = (
        _rows(grant_setup, user.id, now, wait)
        for user, wait in zip(itertools.cycle(users), waits, strict=False)
    )
    for batch in _batches(rows):
        with grant_setup.transaction() as connection:
            connection.execute(sessions.insert(), [session for session, _ in batch])
            connection.execute(upstream_grants.insert(), [grant for _, grant in batch])


def _rows(
    grant_setup: GrantSetup, user_id: Any, now: datetime, wait: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    session = new_session(user_id, now)
    grant_id = uuid7s.uuid7()
    issued = RotatingUpstream().issue(access_token=_ACCESS_TOKEN, refresh_token=_REFRESH_TOKEN, id_token=None)
    sealed = grant_setup.sealing.seal(grant_id, PROVIDER, issued)
    grant = {
        "id": grant_id,
        "user_id": user_id,
        "provider": PROVIDER,
        "session_id": session["id"],
        "state": "active",
        "generation": 1,
        "access_token": sealed.access,
        "refresh_token": sealed.refresh,
        "key_id": sealed.key_id,
        "scope": "",
        "access_expires_at": now + timedelta(hours=3),
        "due_at": now + timedelta(seconds=wait),
        "attempts": 0,
        "last_refreshed_at": now,
        "created_at": now,
    }
    return session, grant


def _batches(
    rows: Iterator[tuple[dict[str, Any], dict[str, Any]]],
) -> Iterator[list[tuple[dict[str, Any], dict[str, Any]]]]:
    while batch := list(itertools.islice(rows, _BATCH)):
        yield batch
