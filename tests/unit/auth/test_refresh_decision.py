import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from doorward_auth.sessions.repository import SessionRow
from doorward_auth.tokens.refresh_decision import RefreshDecision, evaluate_refresh_token

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GRACE = timedelta(seconds=10)
CURRENT, PREVIOUS, OLDER = b"c" * 32, b"p" * 32, b"o" * 32

SESSION = SessionRow(
    id=uuid.UUID(int=1),
    user_id=uuid.UUID(int=2),
    current_hash=CURRENT,
    previous_hash=PREVIOUS,
    rotated_at=NOW - timedelta(seconds=5),
    auth_time=NOW - timedelta(days=1),
    acr="aal1",
    amr="pwd",
    extensions=None,
    idle_expires_at=NOW + timedelta(days=14),
    absolute_expires_at=NOW + timedelta(days=90),
    ended_at=None,
    now=NOW,
    role="user",
    status="active",
    token_version=0,
)


@pytest.mark.parametrize(
    ("session", "presented", "decision"),
    [
        (SESSION, CURRENT, RefreshDecision.ROTATE),
        (SESSION, PREVIOUS, RefreshDecision.REPEAT),
        (SESSION, OLDER, RefreshDecision.REUSE),
        (replace(SESSION, rotated_at=NOW - GRACE), PREVIOUS, RefreshDecision.REPEAT),
        (
            replace(SESSION, rotated_at=NOW - GRACE - timedelta(microseconds=1)),
            PREVIOUS,
            RefreshDecision.REUSE,
        ),
        (replace(SESSION, rotated_at=NOW + timedelta(seconds=1)), PREVIOUS, RefreshDecision.REPEAT),
        (replace(SESSION, previous_hash=None, rotated_at=None), PREVIOUS, RefreshDecision.REUSE),
        (replace(SESSION, previous_hash=None, rotated_at=None), CURRENT, RefreshDecision.ROTATE),
        (replace(SESSION, ended_at=NOW - timedelta(days=1)), CURRENT, RefreshDecision.REFUSE),
        (replace(SESSION, ended_at=NOW), PREVIOUS, RefreshDecision.REFUSE),
        (replace(SESSION, idle_expires_at=NOW), CURRENT, RefreshDecision.REFUSE),
        (replace(SESSION, absolute_expires_at=NOW), CURRENT, RefreshDecision.REFUSE),
        (replace(SESSION, idle_expires_at=NOW), OLDER, RefreshDecision.REFUSE),
    ],
)
def test_decision_for_each_presented_token(
    session: SessionRow, presented: bytes, decision: RefreshDecision
) -> None:
    assert evaluate_refresh_token(session, presented, grace=GRACE) is decision
