"""The revision of the identity schema that this release needs."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from doorward_identity.tables import (
    audit_events,
    avatars,
    credentials,
    deleted_users,
    group_members,
    known_devices,
    metadata,
    one_time_codes,
    revocations,
    sentinels,
    sessions,
    upstream_grants,
    upstream_identities,
    user_groups,
    user_search_terms,
    users,
)
from doorward_kit.database_readiness import Columns, all_columns, find_schema_problem

PACKAGE: Final = "doorward_identity"
"""The package of the revisions: `doorward_kit.migrations.migrate(engine, PACKAGE)` runs them."""

REQUIRED_REVISION: Final = "0015"
"""The oldest revision that this release's code can work with."""

VERSION_TABLE: Final = "alembic_version_identity"

READ_BY_USERS: Final[Sequence[Columns]] = (
    *all_columns(
        (
            users,
            user_search_terms,
            revocations,
            sentinels,
            audit_events,
            avatars,
            user_groups,
            group_members,
        )
    ),
    [credentials.c.user_id],
    [
        sessions.c[name]
        for name in ("user_id", "ended_at", "auth_version", "oauth_client_id", "logout_attempts")
    ],
    [known_devices.c.user_id],
    [one_time_codes.c.user_id],
    [deleted_users.c.position],
    [upstream_identities.c[name] for name in ("user_id", "provider", "subject")],
    [
        upstream_grants.c[name]
        for name in (
            "id",
            "user_id",
            "provider",
            "access_token",
            "refresh_token",
            "key_id",
            "access_expires_at",
            "refresh_expires_at",
        )
    ],
)
"""What the grants of its account let it read: a test compares them."""


def schema_problem(connection: sa.Connection) -> str | None:
    """Return what auth, or a process with all services, lacks in the database; None if nothing."""
    return find_schema_problem(
        connection, VERSION_TABLE, REQUIRED_REVISION, all_columns(metadata.sorted_tables)
    )


def users_schema_problem(connection: sa.Connection) -> str | None:
    """Return what the users service lacks in the database; None if nothing."""
    return find_schema_problem(connection, VERSION_TABLE, REQUIRED_REVISION, READ_BY_USERS)
