"""Databases that tests create on each backend."""

from collections.abc import Callable

from doorward_kit.database import create_engine
from doorward_kit.migrations import migrate

NewDatabase = Callable[[str, str], str]
"""From a backend and a label to the URL of an empty database."""


def migrate_all(url: str, package: str) -> None:
    """Bring a database to the newest schema of a package."""
    engine = create_engine(url, pool_size=1, timeout=30)
    migrate(engine, package)
    engine.dispose()
