"""Databases that tests create on each backend."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from doorward_kit.database import create_engine
from doorward_kit.migrations import migrate

NewDatabase = Callable[[str, str], str]
"""From a backend and a label to the URL of an empty database."""


@contextmanager
def transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Give a connection in a transaction, committed at the block's end."""
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        yield connection
        connection.commit()


@contextmanager
def transaction_at(url: str) -> Iterator[sa.Connection]:
    """Give a transaction of a connection of its own, which is closed with the block."""
    engine = create_engine(url, pool_size=1, timeout=30)
    try:
        with transaction(engine) as connection:
            yield connection
    finally:
        engine.dispose()


def migrate_all(url: str, package: str) -> None:
    """Bring a database to the newest schema of a package."""
    engine = create_engine(url, pool_size=1, timeout=30)
    migrate(engine, package)
    engine.dispose()
