"""A schema whose tables are not what its revision says is reported, and the process is not ready."""

from pathlib import Path

import sqlalchemy as sa
from structlog.testing import capture_logs

from doorward_identity import schema as identity
from doorward_kit.migrations import migrate
from doorward_tickets import schema as tickets
from integration.harness.deployment import wait_until
from support.probes import http_status
from support.standalone import Standalone

DAMAGE = [
    (identity, "DROP TABLE client_events", "client_events"),
    (identity, "ALTER TABLE users DROP COLUMN auth_version", "users"),
    (identity, "ALTER TABLE outbox RENAME TO old_outbox", "outbox"),
    (tickets, "DROP TABLE feed_cursors", "feed_cursors"),
]


def test_a_missing_table_or_column_is_named(engine: sa.Engine) -> None:
    for package in (identity, tickets):
        migrate(engine, package.PACKAGE)
    with engine.connect() as connection:
        assert identity.schema_problem(connection) is None
        assert tickets.schema_problem(connection) is None
    for package, statement, table in DAMAGE:
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)
        with engine.connect() as connection, capture_logs() as lines:
            problem = package.schema_problem(connection)
        assert problem is not None, statement
        assert table in problem
        if table == "users":
            with engine.connect() as connection:
                assert identity.users_schema_problem(connection) == problem
        assert [(line["event"], line["table"]) for line in lines] == [("schema.incomplete", table)]
        _make_again(engine)


def _make_again(engine: sa.Engine) -> None:
    """Drop what is left of the schema, and make it again."""
    with engine.begin() as connection:
        names = sa.inspect(connection).get_table_names()
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        else:
            connection.exec_driver_sql("SET foreign_key_checks = 0")
        for name in names:
            connection.exec_driver_sql(f"DROP TABLE `{name}`")
    engine.dispose()
    for each in (identity, tickets):
        migrate(engine, each.PACKAGE)


def test_a_running_process_is_not_ready(tmp_path: Path) -> None:
    with Standalone(tmp_path, DOORWARD_LOG_LEVEL="warning") as process:
        database = sa.create_engine(f"sqlite:///{process.data / 'doorward.db'}")
        with database.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE users RENAME COLUMN name TO label")
        database.dispose()
        wait_until(lambda: http_status(process.port, "/readyz") == 503, "not ready")
        assert http_status(process.port, "/livez") == 200
        assert "schema.incomplete" in process.log_text()
