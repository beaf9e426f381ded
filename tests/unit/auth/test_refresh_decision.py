import uuid
from datetime import UTC, datetime, timedelta

import pytest

from doorward_auth.sessions.repository import SessionRow
from doorward_auth.tokens.refresh_decision import RefreshDecision, evaluate_refresh_token
from doorward_client.tokens import NO_EXTENSIONS

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
    extensions=NO_EXTENSIONS,
    cookie_name=None,
    idle_expires_at=NOW + timedelta(days=14),
    absolute_expires_at=NOW + timedelta(days=90),
    ended_at=None,
    now=NOW,
    role="user",
    status="active",
    token_version=0,
    auth_version=0,
    account_auth_version=0,
    oauth_client_id=None,
    browser_session_id=None,
    scope=None,
    audience=None,
)
SHARED = SESSION._replace(cookie_name="console")


@pytest.mark.parametrize(
    ("session", "presented", "decision"),
    [
        (SESSION, CURRENT, RefreshDecision.ROTATE),
        (SESSION, PREVIOUS, RefreshDecision.REPEAT),
        (SESSION, OLDER, RefreshDecision.REUSE),
        (SESSION._replace(rotated_at=NOW - GRACE), PREVIOUS, RefreshDecision.REPEAT),
        (
            SESSION._replace(rotated_at=NOW - GRACE - timedelta(microseconds=1)),
            PREVIOUS,
            RefreshDecision.REUSE,
        ),
        (SESSION._replace(rotated_at=NOW + timedelta(seconds=1)), PREVIOUS, RefreshDecision.REPEAT),
        (SESSION._replace(previous_hash=None, rotated_at=None), PREVIOUS, RefreshDecision.REUSE),
        (SESSION._replace(previous_hash=None, rotated_at=None), CURRENT, RefreshDecision.ROTATE),
        (SESSION._replace(ended_at=NOW - timedelta(days=1)), CURRENT, RefreshDecision.REJECT),
        (SESSION._replace(ended_at=NOW), PREVIOUS, RefreshDecision.REJECT),
        (SESSION._replace(idle_expires_at=NOW), CURRENT, RefreshDecision.REJECT),
        (SESSION._replace(absolute_expires_at=NOW), CURRENT, RefreshDecision.REJECT),
        (SESSION._replace(idle_expires_at=NOW), OLDER, RefreshDecision.REJECT),
        # Tabs share a cookie: within the grace period there is one successor.
        (SHARED, CURRENT, RefreshDecision.KEEP),
        (SHARED, PREVIOUS, RefreshDecision.REPEAT),
        (SHARED, OLDER, RefreshDecision.REUSE),
        (SHARED._replace(rotated_at=None), CURRENT, RefreshDecision.ROTATE),
        (
            SHARED._replace(rotated_at=NOW - GRACE - timedelta(microseconds=1)),
            CURRENT,
            RefreshDecision.ROTATE,
        ),
        (SHARED._replace(ended_at=NOW), CURRENT, RefreshDecision.REJECT),
    ],
)
def test_decision_for_each_presented_token(
    session: SessionRow, presented: bytes, decision: RefreshDecision
) -> None:
    assert evaluate_refresh_token(session, presented, grace=GRACE) is decision
