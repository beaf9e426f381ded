"""Alembic migrations that may run twice, concurrently, or be killed halfway.

DDL commits implicitly on MariaDB and MySQL, so a revision is not atomic: each step checks whether it is
already done.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from typing import Any, Final

import sqlalchemy as sa
from alembic import command, context, op
from alembic.config import Config

from doorward_kit.cluster_lock import LockLostError, cluster_lock
from doorward_kit.column_types import TABLE_OPTIONS, UtcDateTime, Uuid, ascii_text, fixed_bytes
from doorward_kit.database import is_galera_node
from doorward_kit.database_readiness import schema_version_problem

_LOCK_SECONDS: Final = 20
_LOCK_NAME_LENGTH: Final = 64  # names are global on the server, so they contain the database


class MigrationBusyError(Exception):
    """Another migration is running."""


def migrate(engine: sa.Engine, package: str) -> None:
    """Upgrade the schema of `package`.migrations to its newest revision.

    The schema of a later release stays unchanged, so that this release still works after a rollback.
    A lock keeps concurrent runs apart, also of several nodes of a Galera cluster. Raises MigrationBusyError.
    """
    config = Config()
    config.set_main_option("script_location", str(files(package) / "migrations"))
    with (
        engine.connect() as connection,
        _locked(engine, connection, f"{package} {engine.url.database}"[:_LOCK_NAME_LENGTH]),
    ):
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def run_revisions(metadata: sa.MetaData, version_table: str) -> None:
    """Run the revisions on the connection of `migrate`: the body of a package's env.py.

    `metadata` has the naming convention of constraints.
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
def _locked(engine: sa.Engine, connection: sa.Connection, lock: str) -> Iterator[None]:
    """Make a second run wait. On SQLite, where DDL is transactional, the transaction does so."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield
        connection.commit()
        return
    if is_galera_node(connection):
        try:
            with cluster_lock(engine, lock, wait_seconds=_LOCK_SECONDS):
                yield
        except TimeoutError as error:
            raise MigrationBusyError("another migration is running") from error
        except LockLostError as error:
            raise MigrationBusyError("the lock was lost, and another migration may have begun") from error
        return
    if not connection.execute(sa.select(sa.func.get_lock(lock, _LOCK_SECONDS))).scalar():
        raise MigrationBusyError("another migration is running")
    try:
        yield
    finally:
        if not connection.invalidated:
            connection.execute(sa.select(sa.func.release_lock(lock)))


def create_table(name: str, *parts: Any) -> None:
    """Create a table unless it exists. Its indexes are separate steps (create_index)."""
    if not sa.inspect(op.get_bind()).has_table(name):
        op.create_table(name, *parts, **TABLE_OPTIONS)


def create_index(table: str, *columns: str, unique: bool = False) -> None:
    """Create an index under its conventional name unless it exists."""
    name = _index_name(table, columns)
    if name not in _index_names(table):
        op.create_index(name, table, list(columns), unique=unique)


def drop_index(table: str, *columns: str) -> None:
    """Drop the index under its conventional name unless it is gone."""
    name = _index_name(table, columns)
    if name in _index_names(table):
        op.drop_index(name, table)


def _index_name(table: str, columns: Sequence[str]) -> str:
    return f"ix_{table}_{'_'.join(columns)}"


def _index_names(table: str) -> set[str | None]:
    return {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}


def add_column(table: str, column: sa.Column[Any]) -> None:
    """Add a column unless it exists.

    A NOT NULL column needs a default in the database, because the previous release still inserts rows
    without it.
    """
    if column.name not in {known["name"] for known in sa.inspect(op.get_bind()).get_columns(table)}:
        op.add_column(table, column)


def drop_foreign_key(table: str, column: str) -> None:
    """Drop the foreign key of a column, under its conventional name, unless it is gone.

    SQLite cannot drop a constraint, so its table is built anew.
    """
    name = f"fk_{table}_{column}"
    if name in {key["name"] for key in sa.inspect(op.get_bind()).get_foreign_keys(table)}:
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(name, type_="foreignkey")


def create_idempotency_keys() -> None:
    """Create idempotency.idempotency_table of the first release unless it exists."""
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


def create_rate_limits() -> None:
    """Create rate_limiting.repository.rate_limits_table unless it exists."""
    create_table(
        "rate_limits",
        sa.Column("key_hash", fixed_bytes(32), primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("blocked_until", UtcDateTime(), nullable=False),
    )
    create_index("rate_limits", "expires_at")
