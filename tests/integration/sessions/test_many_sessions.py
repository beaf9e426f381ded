"""Ending the sessions of an account costs as much whatever its sessions of the past."""

import uuid
from collections.abc import Callable, Iterator
from typing import Final

import pytest
import sqlalchemy as sa

from doorward_auth.oidc.clients import repository as clients
from doorward_identity.accounts import SessionEnd
from doorward_identity.sessions import (
    end_other_sessions,
    end_sessions,
    end_sessions_of_client,
    end_sessions_with_browser,
    end_surplus_in_browser,
    end_surplus_sessions,
)
from doorward_identity.tables import sessions
from doorward_kit.database import create_engine
from integration.harness.bulk_users import Member, enrol
from support.databases import Database, DatabaseServer
from support.services import migrate

ENDED: Final = 100_000
LIVE: Final = 1_000
"""The highest value of DOORWARD_MAX_SESSIONS."""

BROWSER: Final = uuid.UUID(int=1)
CLIENT: Final = uuid.UUID(int=2)
FILL: Final = """
INSERT INTO sessions (id, user_id, current_hash, auth_time, acr, amr, created_at, last_used_at,
    idle_expires_at, absolute_expires_at, ended_at, user_agent, ip_address, browser_session_id,
    oauth_client_id)
SELECT UNHEX(LEFT(SHA2(CONCAT(HEX(%s), %s, seq), 256), 32)), %s, REPEAT(CHAR(0), 32), NOW(), 'aal1', 'pwd',
    NOW(), NOW(), NOW() + INTERVAL 1 DAY, NOW() + INTERVAL 1 DAY, %s, '', '', %s, %s
FROM seq_1_to_100000 WHERE seq <= %s
"""


@pytest.fixture(scope="module")
def database(mariadb_server: DatabaseServer) -> Iterator[Database]:
    with mariadb_server.create_database("many_sessions") as database:
        migrate(database.url)
        yield database


@pytest.fixture
def connection(database: Database) -> Iterator[sa.Connection]:
    engine = create_engine(database.url, pool_size=1, timeout=120)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture(scope="module")
def member_with_many_sessions(database: Database) -> Member:
    [member] = enrol(database.url, 1)
    fill(database, member, "2026-01-01", ENDED)
    return member


@pytest.fixture(autouse=True)
def live_sessions(database: Database, member_with_many_sessions: Member) -> None:
    database.execute("DELETE FROM sessions WHERE ended_at > '2026-01-01' OR ended_at IS NULL")
    fill(database, member_with_many_sessions, None, LIVE)


def fill(database: Database, member: Member, ended_at: str | None, count: int) -> None:
    """Store sessions of one user at one client in one browser."""
    user, kind = member.id.bytes, "live" if ended_at is None else "ended"
    database.execute(FILL, user, kind, user, ended_at, BROWSER.bytes, CLIENT.bytes, count)


def rows_handled(connection: sa.Connection, work: Callable[[], object]) -> int:
    """Return how many rows MariaDB read, inserted or changed for the work, in one transaction."""
    before = handled_so_far(connection)
    connection.exec_driver_sql("BEGIN")
    work()
    connection.commit()
    return handled_so_far(connection) - before


def handled_so_far(connection: sa.Connection) -> int:
    """Sum this connection's counters of the storage engine's calls for a row."""
    counters = connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Handler_%%'").all()
    calls = ("read", "update", "write", "delete")
    return sum(int(value) for name, value in counters if name.split("_")[1] in calls)


def live_count(connection: sa.Connection, member: Member) -> int:
    live = sa.select(sa.func.count()).select_from(sessions)
    return connection.execute(
        live.where(sessions.c.user_id == member.id, sessions.c.ended_at.is_(None))
    ).scalar_one()


def test_ending_all_sessions_handles_the_live_ones_alone(
    connection: sa.Connection, member_with_many_sessions: Member
) -> None:
    handled = rows_handled(
        connection, lambda: end_sessions(connection, member_with_many_sessions.id, SessionEnd.DISABLED)
    )
    assert live_count(connection, member_with_many_sessions) == 0
    assert LIVE <= handled < 10 * LIVE


def test_ending_the_others_handles_the_live_ones_alone(
    connection: sa.Connection, member_with_many_sessions: Member
) -> None:
    keep = connection.execute(
        sa.select(sessions.c.id).where(sessions.c.ended_at.is_(None)).limit(1)
    ).scalar_one()
    handled = rows_handled(
        connection,
        lambda: end_other_sessions(
            connection, member_with_many_sessions.id, keep, SessionEnd.PASSWORD, token_seconds=300
        ),
    )
    assert live_count(connection, member_with_many_sessions) == 1
    assert LIVE <= handled < 20 * LIVE


def test_a_login_handles_the_live_ones_alone(
    connection: sa.Connection, member_with_many_sessions: Member
) -> None:
    handled = rows_handled(
        connection,
        lambda: end_surplus_sessions(
            connection, member_with_many_sessions.id, ends_with_browser=True, most=LIVE - 1, token_seconds=300
        ),
    )
    assert live_count(connection, member_with_many_sessions) == LIVE - 1
    assert LIVE <= handled < 10 * LIVE


def test_a_sign_in_at_a_client_handles_the_live_ones_alone(
    connection: sa.Connection, member_with_many_sessions: Member
) -> None:
    handled = rows_handled(
        connection,
        lambda: end_surplus_in_browser(
            connection, BROWSER, CLIENT, ends_with_browser=True, most=LIVE - 1, token_seconds=300
        ),
    )
    assert live_count(connection, member_with_many_sessions) == LIVE - 1
    assert LIVE <= handled < 10 * LIVE


def test_signing_out_of_a_browser_handles_the_live_ones_alone(
    connection: sa.Connection, member_with_many_sessions: Member
) -> None:
    handled = rows_handled(
        connection,
        lambda: end_sessions_with_browser(connection, BROWSER, SessionEnd.LOGOUT, token_seconds=300),
    )
    assert live_count(connection, member_with_many_sessions) == 0
    assert LIVE <= handled < 20 * LIVE


def test_withdrawing_a_consent_handles_the_live_ones_alone(
    connection: sa.Connection, member_with_many_sessions: Member
) -> None:
    handled = rows_handled(
        connection,
        lambda: end_sessions_of_client(
            connection, member_with_many_sessions.id, CLIENT, SessionEnd.CONSENT, token_seconds=300
        ),
    )
    assert live_count(connection, member_with_many_sessions) == 0
    assert LIVE <= handled < 20 * LIVE


def test_disabling_a_client_handles_the_live_ones_alone(
    connection: sa.Connection, member_with_many_sessions: Member
) -> None:
    handled = rows_handled(
        connection,
        lambda: clients.end_sessions(connection, CLIENT, SessionEnd.CLIENT, token_seconds=300),
    )
    assert live_count(connection, member_with_many_sessions) == LIVE - clients.SESSIONS_AT_ONCE
    assert clients.SESSIONS_AT_ONCE <= handled < 20 * LIVE
