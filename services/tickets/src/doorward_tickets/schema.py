"""The tickets schema's revisions: which one this release needs, and whether it is there."""

from typing import Final

import sqlalchemy as sa

from doorward_common.schema import missing_revision

PACKAGE: Final = "doorward_tickets"
"""Where the revisions are: `doorward_common.migrations.migrate(engine, PACKAGE)` runs them."""

REQUIRED_REVISION: Final = "0003"
"""The oldest revision that this release's code can work with."""

VERSION_TABLE: Final = "tickets_schema"


def schema_problem(connection: sa.Connection) -> str | None:
    """Say what the schema lacks for this release, or None."""
    return missing_revision(connection, VERSION_TABLE, REQUIRED_REVISION)
