"""What ends the sessions of an account costs as many statements with thousands of live ones as with one.

DOORWARD_MAX_SESSIONS allows at most 1,000, and an account of before that limit may have more. The rules
change at 1,001; DOORWARD_TEST_SESSIONS=100000 shows the same with more.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx2
import pytest
import sqlalchemy as sa

from doorward_client.request_context import NO_REQUEST_ID, current_request_id
from integration.harness.bulk_users import Member, enrol
from integration.harness.installation import AUTH, Installation
from integration.harness.people import PASSWORD
from support.databases import Database, DatabaseServer
from support.services import migrate

MANY: Final = int(os.environ.get("DOORWARD_TEST_SESSIONS", "5000"))
NEW_PASSWORD: Final = "a difference engine, no. 2"

# In the order of the primary key, which is several times faster.
FILL: Final = """
INSERT INTO sessions (id, user_id, current_hash, auth_time, acr, amr, auth_version, created_at, last_used_at,
    idle_expires_at, absolute_expires_at, user_agent, ip_address)
SELECT CONCAT(LEFT(users.id, 8), UNHEX(LPAD(HEX(seq), 16, '0'))), users.id, REPEAT(CHAR(0), 32), NOW(),
    'aal1', 'pwd', auth_version, NOW(), NOW(), NOW() + INTERVAL 1 DAY, NOW() + INTERVAL 1 DAY, '', ''
FROM users, seq_1_to_1000000 WHERE users.id = %s AND seq <= %s
"""

Act = Callable[[Installation, Member], httpx2.Response]


@pytest.fixture(scope="module")
def database(mariadb_server: DatabaseServer) -> Iterator[Database]:
    with mariadb_server.create_database("many_live_sessions") as database:
        migrate(database.url)
        yield database


@pytest.fixture(scope="module")
def installation(database: Database) -> Iterator[Installation]:
    with Installation(database.url, database_timeout_seconds=60.0) as installation:
        yield installation


@pytest.fixture(scope="module")
def admin(installation: Installation) -> str:
    [admin] = enrol(installation.database_url, 1, role="admin")
    return installation.log_in(admin.email, PASSWORD).access


def live_sessions(database: Database, member: Member) -> int:
    [(count,)] = database.execute(
        "SELECT COUNT(*) FROM sessions WHERE user_id = %s AND ended_at IS NULL", member.id.bytes
    )
    return int(count)


@contextmanager
def counted(installation: Installation) -> Iterator[list[int]]:
    """Collect the number of values that each statement of a request carries; background work has none."""
    seen: list[int] = []

    def note(_: object, _cursor: object, _statement: str, parameters: Any, *_more: object) -> None:
        if current_request_id() != NO_REQUEST_ID:
            seen.append(sum(map(len, parameters)) if isinstance(parameters, list) else len(parameters))

    engines = [app.state.resources.database.engine for app in (installation.auth_app, installation.users_app)]
    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", note)
    yield seen
    for engine in engines:
        sa.event.remove(engine, "before_cursor_execute", note)


def test_disabling_changing_the_password_and_deleting_cost_the_same(
    installation: Installation, database: Database, admin: str
) -> None:
    """One account with many sessions, and one with a single other one."""
    costs = []
    for count in (1, MANY):
        [member] = enrol(installation.database_url, 1)
        own = installation.log_in(member.email, PASSWORD)
        database.execute(FILL, member.id.bytes, count)
        body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
        with counted(installation) as change:
            assert installation.call("POST", f"{AUTH}/password", own.access, json=body).status_code == 204
        assert live_sessions(database, member) == 1
        assert installation.refresh(own.refresh).status_code == 200, "the own session goes on"
        database.execute("UPDATE sessions SET ended_at = NULL WHERE user_id = %s", member.id.bytes)
        with counted(installation) as disable:
            disabled = installation.call("PATCH", member.path, admin, json={"status": "disabled"})
            assert disabled.status_code == 200, disabled.text
        assert live_sessions(database, member) == 0
        # With the rows of all: ended ones are deleted as live ones are.
        with counted(installation) as delete:
            assert installation.call("DELETE", member.path, admin).status_code == 204
        costs.append([(len(values), sum(values)) for values in (change, disable, delete)])
    (change_of_one, *others_of_one), (change_of_many, *others_of_many) = costs
    assert others_of_many == others_of_one
    # The tokens of the account are revoked instead of those of each session: two statements more.
    assert change_of_many[0] <= change_of_one[0] + 2
    assert change_of_many[1] <= change_of_one[1] + 20
