"""A user has so many live sessions and no more: one more ends the least recently used."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from doorward_identity.accounts import SessionEnd
from doorward_identity.sessions import end_other_sessions, end_sessions
from doorward_identity.tables import audit_events, revocations, sessions
from integration.harness.installation import AUTH, USERS, Installation, Tokens, reconfigured
from integration.harness.people import PASSWORD, People
from integration.harness.statements import recorded

MOST = 3


@pytest.fixture
def limited(installation: Installation, people: People) -> Iterator[Installation]:
    del people
    with reconfigured(installation, max_sessions=MOST) as replica:
        yield replica


def end_all(installation: Installation) -> None:
    installation.execute(sessions.update().values(ended_at=datetime(2026, 1, 1, tzinfo=UTC)))


def refresh(installation: Installation, tokens: Tokens) -> int:
    body = {"refresh_token": tokens.refresh}
    return installation.call("POST", f"{AUTH}/refresh-token", json=body).status_code


def store_sessions(installation: Installation, user_id: str, count: int) -> list[uuid.UUID]:
    """Store live sessions as logins do; return their ids."""
    now = datetime.now(UTC)
    row = {
        "user_id": uuid.UUID(user_id),
        "current_hash": bytes(32),
        "auth_time": now,
        "acr": "aal1",
        "amr": "pwd",
        "created_at": now,
        "last_used_at": now,
        "idle_expires_at": now + timedelta(days=1),
        "absolute_expires_at": now + timedelta(days=1),
        "user_agent": "",
        "ip_address": "",
    }
    ids = [uuid.uuid4() for _ in range(count)]
    with installation.transaction() as connection:
        for begin in range(0, count, 1_000):
            rows = [{"id": identifier, **row} for identifier in ids[begin : begin + 1_000]]
            connection.execute(sessions.insert().values(rows))
    return ids


def test_one_more_ends_the_least_recently_used(
    limited: Installation, installation: Installation, people: People
) -> None:
    end_all(installation)
    opened = [limited.log_in(people.user.email, PASSWORD) for _ in range(MOST)]
    assert refresh(limited, opened[0]) == 200
    latest = limited.log_in(people.user.email, PASSWORD)
    limited.sync_revocations()
    listed = limited.call("GET", f"{AUTH}/sessions", latest.access).json()["items"]
    assert len(listed) == MOST
    assert limited.call("GET", f"{USERS}/me", opened[1].access).status_code == 401
    assert refresh(limited, opened[1]) == 401
    assert [refresh(limited, one) for one in (opened[2], latest)] == [200, 200]
    ended = installation.execute(
        sa.select(audit_events.c.details).where(audit_events.c.action == "auth:session:ended")
    )
    assert len(ended) == 1
    assert '"reason":"session_limit"' in ended[0][0]


def test_the_sessions_of_others_do_not_count(
    limited: Installation, installation: Installation, people: People
) -> None:
    end_all(installation)
    opened = [limited.log_in(email, PASSWORD) for email in (people.user.email, people.other.email) * MOST]
    assert [refresh(limited, token) for token in opened] == [200] * len(opened)


def test_sessions_of_a_higher_limit_end_with_the_next_login(
    limited: Installation, installation: Installation, people: People
) -> None:
    end_all(installation)
    store_sessions(installation, people.user.id, MOST + 15)
    for _ in range(2):
        limited.log_in(people.user.email, PASSWORD)
    [[live]] = installation.execute(
        sa.select(sa.func.count()).select_from(sessions).where(sessions.c.ended_at.is_(None))
    )
    assert live == MOST


@pytest.mark.parametrize("count", [1, 2_500])
def test_ending_sessions_takes_few_statements(installation: Installation, people: People, count: int) -> None:
    """Whatever their number: past a thousand, one entry revokes the tokens of all."""
    end_all(installation)
    kept, *others = store_sessions(installation, people.user.id, count + 1)
    owner = uuid.UUID(people.user.id)
    with installation.transaction() as connection, recorded(installation.engine) as statements:
        end_other_sessions(connection, owner, kept, SessionEnd.PASSWORD, token_seconds=300)
    assert len(statements) <= 5
    with installation.transaction() as connection, recorded(installation.engine) as statements:
        assert end_sessions(connection, owner, SessionEnd.DISABLED) == 1
    assert len(statements) == 1
    revoked = installation.execute(sa.select(revocations.c.subject_id))
    expected = set(others) if count <= 1_000 else {owner}
    assert {one for (one,) in revoked} >= expected
    assert len(revoked) <= 1_000
