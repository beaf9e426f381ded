"""What the statements of grants cost among 20,000 others, as rows that MariaDB handles."""

import uuid
from collections.abc import Callable, Iterator
from typing import Final

import pytest
import sqlalchemy as sa

from doorward_auth.upstream.grants import leases, repository
from doorward_auth.upstream.grants.schedule import RefreshPolicy
from doorward_identity.accounts import SessionEnd
from doorward_identity.sessions import end_session, end_sessions
from doorward_kit.database import create_engine
from integration.harness.bulk_users import Member, enrol
from support.databases import Database, DatabaseServer
from support.services import migrate

MANY: Final = 20_000

SESSIONS: Final = """
INSERT INTO sessions (id, user_id, current_hash, auth_time, acr, amr, created_at, last_used_at,
    idle_expires_at, absolute_expires_at, user_agent, ip_address)
SELECT UNHEX(MD5(seq)), %s, REPEAT(CHAR(0), 32), UTC_TIMESTAMP(6), 'aal1', 'pwd', UTC_TIMESTAMP(6),
    UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) + INTERVAL 9 DAY, UTC_TIMESTAMP(6) + INTERVAL 9 DAY, '', ''
FROM seq_1_to_20000
"""
GRANTS: Final = """
INSERT INTO upstream_grants (id, user_id, provider, session_id, state, generation, access_token,
    refresh_token, scope, access_expires_at, due_at, attempts, last_refreshed_at, created_at)
SELECT UNHEX(MD5(seq + 500000)), %s, 'theapi', UNHEX(MD5(seq)), 'active', 1,
    CONCAT(CHAR(1), REPEAT('x', 400)), CONCAT(CHAR(1), REPEAT('x', 400)), '',
    UTC_TIMESTAMP(6) + INTERVAL 1 DAY,
    UTC_TIMESTAMP(6) + INTERVAL IF(seq %% 10 = 0, -60, seq) SECOND, 0, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6)
FROM seq_1_to_20000
"""
REVOCATIONS: Final = """
INSERT INTO revocations (kind, subject_id, token_version, revoked_at, expires_at)
SELECT 'session', UNHEX(MD5(seq + 900000)), 0,
    UTC_TIMESTAMP(6) - INTERVAL IF(seq <= 5, 0, 200) SECOND, UTC_TIMESTAMP(6) + INTERVAL 100 SECOND
FROM seq_1_to_5000
"""


@pytest.fixture(scope="module")
def database(mariadb_server: DatabaseServer) -> Iterator[Database]:
    with mariadb_server.create_database("many_grants") as database:
        migrate(database.url)
        yield database


@pytest.fixture(scope="module")
def user(database: Database) -> Member:
    [member] = enrol(database.url, 1)
    database.execute(SESSIONS, member.id.bytes)
    database.execute(GRANTS, member.id.bytes)
    database.execute(REVOCATIONS)
    database.execute("ANALYZE TABLE sessions, upstream_grants, revocations")
    return member


@pytest.fixture
def connection(database: Database, user: Member) -> Iterator[sa.Connection]:  # noqa: ARG001 - filled by it
    engine = create_engine(database.url, pool_size=1, timeout=60)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def handled(connection: sa.Connection, work: Callable[[], object]) -> int:
    """Return how many rows MariaDB read or wrote for the work, which is rolled back."""

    def so_far() -> int:
        counters = connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Handler_%%'").all()
        calls = ("read", "update", "write", "delete")
        return sum(int(value) for name, value in counters if name.split("_")[1] in calls)

    before = so_far()
    connection.exec_driver_sql("BEGIN")
    work()
    done = so_far() - before
    connection.exec_driver_sql("ROLLBACK")
    return done - handled_by_nothing(so_far)


def handled_by_nothing(so_far: Callable[[], int]) -> int:
    """Return what asking for the counters costs."""
    return -so_far() + so_far()


def test_a_lease_handles_the_grants_that_it_leases(connection: sa.Connection) -> None:
    def lease() -> None:
        due = leases.lease_due(connection, "theapi", RefreshPolicy(), count=4, lease_id=uuid.uuid4())
        assert len(due.leased) == 4
        assert due.has_more

    assert handled(connection, lease) < 60


def test_looking_for_due_grants_reads_one_entry(connection: sa.Connection) -> None:
    assert handled(connection, lambda: leases.is_any_due(connection, "theapi")) < 5
    assert handled(connection, lambda: leases.is_any_due(connection, "unknown")) < 5


def test_looking_for_ended_sessions_reads_the_recent_revocations(connection: sa.Connection) -> None:
    assert handled(connection, lambda: repository.make_ended_due(connection, count=500)) < 200


def test_the_gauges_read_indexes_alone(connection: sa.Connection) -> None:
    counted = handled(connection, lambda: repository.measure(connection, "theapi"))
    assert MANY <= counted < MANY + 100


def test_ending_sessions_handles_no_grant(connection: sa.Connection, user: Member) -> None:
    session = uuid.UUID(bytes=connection.exec_driver_sql("SELECT UNHEX(MD5(1))").scalar_one())

    def one() -> None:
        assert end_session(connection, session, SessionEnd.LOGOUT, token_seconds=300)

    def every() -> None:
        assert end_sessions(connection, user.id, SessionEnd.DISABLED) == MANY

    assert handled(connection, one) < 15
    assert handled(connection, every) < 5 * MANY
    grants = sa.text("SELECT COUNT(*) FROM upstream_grants WHERE state <> 'active' OR due_at IS NULL")
    assert connection.execute(grants).scalar_one() == 0
