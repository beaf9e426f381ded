"""A service whose account lacks a privilege is not ready, and says which one it needs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from doorward_identity import schema as identity
from doorward_identity.tables import metadata
from doorward_tickets import schema as tickets
from integration.harness.deployment import wait_until
from integration.self_service.grants import granted
from support.chain import service_account
from support.databases import Database, DatabaseServer
from support.probes import http_status
from support.services import Service, ServiceName, migrate, migrate_tickets

CHECKS = {
    "auth": identity.schema_problem,
    "users": identity.users_schema_problem,
    "tickets": tickets.schema_problem,
}
CASES: list[tuple[ServiceName, str]] = [
    ("auth", "SELECT ON upstream_revocations"),
    ("auth", "SELECT ON alembic_version_identity"),
    ("users", "SELECT ON audit_events"),
    ("users", "SELECT (user_id, provider, subject) ON upstream_identities"),
    ("tickets", "SELECT ON feed_cursors"),
]


@pytest.fixture(scope="module")
def database(mariadb_server: DatabaseServer) -> Iterator[Database]:
    with mariadb_server.create_database("grants") as database:
        migrate(database.url)
        migrate_tickets(database.url)
        yield database


@pytest.mark.parametrize(("service", "grant"), CASES)
def test_a_missing_privilege_is_named(database: Database, service: ServiceName, grant: str) -> None:
    url = service_account(database, service)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        assert CHECKS[service](connection) is None
    database.execute(f"REVOKE {grant} FROM `{sa.make_url(url).username}`@'%'")
    with engine.connect() as connection, capture_logs() as lines:
        problem = CHECKS[service](connection)
    assert f"lacks a privilege: GRANT {grant}." in str(problem)
    assert [(line["event"], line["grant"]) for line in lines] == [("schema.grant_missing", grant)]


def test_one_missing_column_is_a_missing_grant(database: Database) -> None:
    url = service_account(database, "users")
    account = f"`{sa.make_url(url).username}`@'%'"
    database.execute(f"REVOKE SELECT (key_id) ON upstream_grants FROM {account}")
    with sa.create_engine(url, poolclass=sa.NullPool).connect() as connection:
        assert "key_id, access_expires_at" in str(identity.users_schema_problem(connection))


def test_a_running_service_is_ready_when_the_grant_is_made(database: Database, tmp_path: Path) -> None:
    url = service_account(database, "users")
    account = f"`{sa.make_url(url).username}`@'%'"
    with Service("users", database_url=url, log=tmp_path / "users.log") as users:
        database.execute(f"REVOKE SELECT (id) ON upstream_grants FROM {account}")
        wait_until(lambda: http_status(users.port, "/readyz") == 503, "not ready")
        assert http_status(users.port, "/livez") == 200
        assert '"event":"schema.grant_missing"' in users.log_text()
        database.execute(f"GRANT SELECT (id) ON upstream_grants TO {account}")
        wait_until(lambda: http_status(users.port, "/readyz") == 200, "ready")


def test_what_is_checked_is_what_grants_sql_lets_the_services_read() -> None:
    """So a new grant is checked, too."""
    whole = {table.name: None for table in metadata.sorted_tables}
    assert readable("auth") == whole
    checked = {
        columns[0].table.name: frozenset(column.name for column in columns)
        if len(columns) < len(columns[0].table.c)
        else None
        for columns in identity.READ_BY_USERS
    }
    assert readable("users") == checked


def readable(service: str) -> dict[str, frozenset[str] | None]:
    return {
        table: columns
        for (privilege, table), columns in granted(service).items()
        if privilege == "SELECT" and table != identity.VERSION_TABLE
    }
