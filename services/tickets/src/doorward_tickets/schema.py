"""The revision of the tickets schema that this release requires."""

from typing import Final

import sqlalchemy as sa

from doorward_kit.database_readiness import all_columns, find_schema_problem
from doorward_tickets.tables import metadata

PACKAGE: Final = "doorward_tickets"
"""The package with the revisions: `doorward_kit.migrations.migrate(engine, PACKAGE)` runs them."""

REQUIRED_REVISION: Final = "0004"
"""The oldest revision that this release works with."""

VERSION_TABLE: Final = "alembic_version_tickets"


def schema_problem(connection: sa.Connection) -> str | None:
    """Return what the schema lacks for this release, or None."""
    return find_schema_problem(
        connection, VERSION_TABLE, REQUIRED_REVISION, all_columns(metadata.sorted_tables)
    )
