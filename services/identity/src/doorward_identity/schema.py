"""The revision of the identity schema that this release needs."""

from typing import Final

import sqlalchemy as sa

from doorward_identity.tables import (
    audit_events,
    avatars,
    group_members,
    metadata,
    revocations,
    sentinels,
    user_groups,
    user_search_terms,
    users,
)
from doorward_kit.database_readiness import find_schema_problem

PACKAGE: Final = "doorward_identity"
"""The package of the revisions: `doorward_kit.migrations.migrate(engine, PACKAGE)` runs them."""

REQUIRED_REVISION: Final = "0015"
"""The oldest revision that this release's code can work with."""

VERSION_TABLE: Final = "alembic_version_identity"

_READ_BY_USERS: Final = (
    users,
    user_search_terms,
    revocations,
    sentinels,
    audit_events,
    avatars,
    user_groups,
    group_members,
)


def schema_problem(connection: sa.Connection) -> str | None:
    """Return what the schema lacks for this release, or None."""
    return find_schema_problem(connection, VERSION_TABLE, REQUIRED_REVISION, metadata.sorted_tables)


def users_schema_problem(connection: sa.Connection) -> str | None:
    """Return what the schema lacks for the users service, or None: of the tables that its account reads."""
    return find_schema_problem(connection, VERSION_TABLE, REQUIRED_REVISION, _READ_BY_USERS)
