"""Grants as they are read from the database, for rules that need no database."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from doorward_auth.upstream.grants.models import GrantRow, GrantState
from doorward_identity.accounts import Status
from doorward_kit.sealed import Sealed

NOW: Final = datetime(2026, 12, 1, tzinfo=UTC)
SEALED: Final = Sealed(b"\x01" + bytes(60))


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def row(**changes: Any) -> GrantRow:
    """Return a grant of a session in use, refreshed an hour ago with an hour to go."""
    values: dict[str, Any] = {
        "id": uuid.UUID(int=1),
        "user_id": uuid.UUID(int=2),
        "provider": "theapi",
        "session_id": uuid.UUID(int=3),
        "state": GrantState.ACTIVE.value,
        "generation": 1,
        "access_token": SEALED,
        "refresh_token": SEALED,
        "id_token": None,
        "key_id": SEALED.key_id,
        "scope": "",
        "access_expires_at": NOW + seconds(3_600),
        "refresh_expires_at": None,
        "reauth_at": None,
        "due_at": NOW + seconds(2_000),
        "lease_id": None,
        "leased_until": None,
        "sent_at": None,
        "attempts": 0,
        "last_error": None,
        "last_refreshed_at": NOW - seconds(3_600),
        "created_at": NOW - seconds(7_200),
        "now": NOW,
        "user_status": Status.ACTIVE.value,
        "session_ended_at": None,
        "session_last_used_at": NOW - seconds(60),
        "session_idle_expires_at": NOW + seconds(86_400),
        "session_absolute_expires_at": NOW + seconds(86_400 * 30),
    }
    return GrantRow(**{**values, **changes})
