"""The tickets migration creates the schema of the code, also after interrupted runs."""

import uuid

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from doorward_kit.column_types import utc_now
from doorward_kit.migrations import migrate
from doorward_tickets.schema import PACKAGE, VERSION_TABLE, schema_problem
from doorward_tickets.tables import metadata, replies, tickets
from integration.harness.schemas import collations


def assert_complete(engine: sa.Engine) -> None:
    """Check that the schema is the one that tables.py describes."""
    with engine.connect() as connection:
        options = {"compare_type": True, "version_table": VERSION_TABLE}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
        assert schema_problem(connection) is None
        if engine.dialect.name != "sqlite":
            assert collations(connection, VERSION_TABLE) == {"utf8mb4_bin", "ascii_bin"}


def test_the_migrated_schema_equals_the_schema_of_the_code(engine: sa.Engine) -> None:
    migrate(engine, PACKAGE)
    assert_complete(engine)
    migrate(engine, PACKAGE)
    assert_complete(engine)


@pytest.mark.parametrize("steps", [1, 2, 7, *range(13, 35)])
def test_every_partial_migration_is_completed(engine: sa.Engine, steps: int) -> None:
    """Runs that end after each number of DDL statements, followed by a complete one."""
    left = steps

    class PowerCutError(Exception):
        pass

    def cut(_connection: sa.Connection, _cursor: object, statement: str, *_more: object) -> None:
        nonlocal left
        if statement.lstrip().upper().startswith(("CREATE", "ALTER", "INSERT INTO ALEMBIC_VERSION_TICKETS")):
            if left == 0:
                raise PowerCutError
            left -= 1

    sa.event.listen(engine, "before_cursor_execute", cut)
    with pytest.raises(PowerCutError):
        migrate(engine, PACKAGE)
    sa.event.remove(engine, "before_cursor_execute", cut)
    engine.dispose()
    migrate(engine, PACKAGE)
    assert_complete(engine)


def test_replies_of_the_previous_release_are_kept(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite builds their table anew, because it cannot drop a foreign key."""
    upgrade = command.upgrade
    with monkeypatch.context() as patched:
        patched.setattr(command, "upgrade", lambda config, _: upgrade(config, "0001"))
        migrate(engine, PACKAGE)
    ticket_id = uuid.uuid4()
    with engine.connect() as connection:
        rest = {"status": "open", "priority": 1, "reply_count": 2, "version": 3, "search_text": ""}
        times = {"created_at": utc_now(), "updated_at": utc_now()}
        ticket = {"id": ticket_id, "author_id": uuid.uuid4(), "subject": "A", "body": "B", **rest, **times}
        connection.execute(tickets.insert().values(ticket))
        for number in (1, 2):
            reply = {"number": number, "id": uuid.uuid4(), "author_id": uuid.uuid4(), "body": "A\nreply."}
            connection.execute(replies.insert().values(ticket_id=ticket_id, created_at=utc_now(), **reply))
        columns = "ticket_id, number, id, author_id, body, created_at"
        stored = sa.text(f"SELECT {columns} FROM replies ORDER BY number")
        before = connection.execute(stored).all()
        assert len(before) == 2
        assert sa.inspect(connection).get_foreign_keys("replies")
    migrate(engine, PACKAGE)
    with engine.connect() as connection:
        assert connection.execute(stored).all() == before
        assert sa.inspect(connection).get_foreign_keys("replies") == []
    assert_complete(engine)
