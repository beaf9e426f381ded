"""Migrations with Alembic that may run twice, side by side, or be killed half-way.

DDL commits by itself on MariaDB and MySQL, so a revision is not all or nothing: each step looks
whether it was already done.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any, Final

import sqlalchemy as sa
from alembic import command, context, op
from alembic.config import Config

from doorward_kit.column_types import TABLE_OPTIONS, UtcDateTime, Uuid, ascii_text, fixed_bytes
from doorward_kit.database_readiness import schema_version_problem

_LOCK_SECONDS: Final = 20
_LOCK_NAME_LENGTH: Final = 64  # and a name is the whole server's, so it names the database


class MigrationBusyError(Exception):
    """Another migration held the lock for longer than this one was willing to wait."""


def migrate(engine: sa.Engine, package: str) -> None:
    """Upgrade the schema that `package`.migrations describes to its newest revision.

    A schema that a later release has migrated stays as it is: it serves the release before it, which may
    be rolled back to.

    The lock spares two runs each other's half-finished steps; on a Galera cluster it holds on one
    node only, and the steps themselves must do. Raises MigrationBusyError.
    """
    config = Config()
    config.set_main_option("script_location", str(files(package) / "migrations"))
    with (
        engine.connect() as connection,
        _alone(connection, f"{package} {engine.url.database}"[:_LOCK_NAME_LENGTH]),
    ):
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def run_revisions(metadata: sa.MetaData, version_table: str) -> None:
    """Be the body of a package's env.py, which Alembic runs: migrate over the connection of `migrate`.

    `metadata` gives the convention that constraints are named by.
    """
    connection: sa.Connection = context.config.attributes["connection"]
    if schema_version_problem(connection, version_table, str(context.get_head_revision())) is None:
        return
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table=version_table,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


@contextmanager
def _alone(connection: sa.Connection, lock: str) -> Iterator[None]:
    """Keep a second run waiting. On SQLite, whose DDL is transactional, the transaction does it."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield
        connection.commit()
        return
    if not connection.execute(sa.select(sa.func.get_lock(lock, _LOCK_SECONDS))).scalar():
        raise MigrationBusyError("another migration is running")
    try:
        yield
    finally:
        if not connection.invalidated:
            connection.execute(sa.select(sa.func.release_lock(lock)))


def create_table(name: str, *parts: Any) -> None:
    """Create a table unless it is there. Its indexes are steps of their own (create_index)."""
    if not sa.inspect(op.get_bind()).has_table(name):
        op.create_table(name, *parts, **TABLE_OPTIONS)


def create_index(table: str, *columns: str) -> None:
    """Create an index under its conventional name unless it is there."""
    name = f"ix_{table}_{'_'.join(columns)}"
    if name not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(name, table, list(columns))


def add_column(table: str, column: sa.Column[Any]) -> None:
    """Add a column unless it is there. One that may not be null needs a default in the database.

    The release before this one goes on inserting rows without it.
    """
    if column.name not in {known["name"] for known in sa.inspect(op.get_bind()).get_columns(table)}:
        op.add_column(table, column)


def create_idempotency_keys() -> None:
    """Create the table of idempotency.idempotency_table as its first release has it, unless it is there."""
    create_table(
        "idempotency_keys",
        sa.Column("caller_id", Uuid(), primary_key=True),
        sa.Column("key_hash", fixed_bytes(32), primary_key=True),
        sa.Column("fingerprint", fixed_bytes(32), nullable=False),
        sa.Column("status", sa.SmallInteger),
        sa.Column("etag", ascii_text(64)),
        sa.Column("location", ascii_text(255)),
        sa.Column("body", sa.LargeBinary),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
    )
    create_index("idempotency_keys", "expires_at")
