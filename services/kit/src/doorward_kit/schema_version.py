"""Telling whether the database has the schema that this release needs.

Apart from migrations.py, which does the migrating: services ask and do not migrate, and need not
load Alembic for it.
"""

import sqlalchemy as sa


def schema_version_problem(connection: sa.Connection, version_table: str, required: str) -> str | None:
    """Say what the schema lacks for this release, or None. Revisions are numbers in a row.

    A newer schema is fine: every release's schema serves the release before it.
    """
    try:
        found = connection.execute(sa.text(f"SELECT version_num FROM {version_table}")).scalar()  # noqa: S608 - a constant
    except (sa.exc.ProgrammingError, sa.exc.OperationalError) as error:
        if error.connection_invalidated:
            raise
        found = None
    if found is None or found < required:
        return f"The schema is at revision {found or 'none'}; {required} is needed. Run the migration."
    return None
