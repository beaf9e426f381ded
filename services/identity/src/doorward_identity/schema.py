"""Bringing the identity schema up to date, and telling whether it is."""

from typing import Final

import sqlalchemy as sa

from doorward_common import migrations

REQUIRED_REVISION: Final = "0001"
"""The oldest revision that this release's code can work with."""

VERSION_TABLE: Final = "identity_schema"


def migrate(engine: sa.Engine) -> None:
    """Upgrade to the newest revision; raises MigrationBusyError."""
    migrations.migrate(engine, "doorward_identity")


def schema_problem(connection: sa.Connection) -> str | None:
    """Say what the schema lacks for this release, or None."""
    return migrations.missing_revision(connection, VERSION_TABLE, REQUIRED_REVISION)
