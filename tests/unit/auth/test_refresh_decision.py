import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from doorward_auth.sessions.repository import SessionRow
from doorward_auth.tokens.refresh_decision import Verdict, judge

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GRACE = timedelta(seconds=10)
CURRENT, PREVIOUS, OLDER = b"c" * 32, b"p" * 32, b"o" * 32

SESSION = SessionRow(
    id=uuid.UUID(int=1),
    user_id=uuid.UUID(int=2),
    current_hash=CURRENT,
    previous_hash=PREVIOUS,
    rotated_at=NOW - timedelta(seconds=5),
    idle_expires_at=NOW + timedelta(days=14),
    absolute_expires_at=NOW + timedelta(days=90),
    ended_at=None,
    now=NOW,
    role="user",
    status="active",
    token_version=0,
)


@pytest.mark.parametrize(
    ("session", "presented", "verdict"),
    [
        (SESSION, CURRENT, Verdict.ROTATE),
        (SESSION, PREVIOUS, Verdict.REPEAT),
        (SESSION, OLDER, Verdict.REUSE),
        (replace(SESSION, rotated_at=NOW - GRACE), PREVIOUS, Verdict.REPEAT),
        (replace(SESSION, rotated_at=NOW - GRACE - timedelta(microseconds=1)), PREVIOUS, Verdict.REUSE),
        (replace(SESSION, rotated_at=NOW + timedelta(seconds=1)), PREVIOUS, Verdict.REPEAT),
        (replace(SESSION, previous_hash=None, rotated_at=None), PREVIOUS, Verdict.REUSE),
        (replace(SESSION, previous_hash=None, rotated_at=None), CURRENT, Verdict.ROTATE),
        (replace(SESSION, ended_at=NOW - timedelta(days=1)), CURRENT, Verdict.REFUSE),
        (replace(SESSION, ended_at=NOW), PREVIOUS, Verdict.REFUSE),
        (replace(SESSION, idle_expires_at=NOW), CURRENT, Verdict.REFUSE),
        (replace(SESSION, absolute_expires_at=NOW), CURRENT, Verdict.REFUSE),
        (replace(SESSION, idle_expires_at=NOW), OLDER, Verdict.REFUSE),
    ],
)
def test_what_becomes_of_a_presented_token(session: SessionRow, presented: bytes, verdict: Verdict) -> None:
    assert judge(session, presented, grace=GRACE) is verdict
