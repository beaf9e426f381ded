"""The schema of a migrated database."""

import sqlalchemy as sa


def collations(connection: sa.Connection, version_table: str) -> set[str]:
    """Return the collations of all text columns except the version."""
    rows = connection.execute(
        sa.text(
            "SELECT collation_name FROM information_schema.columns WHERE table_schema = DATABASE()"
            " AND collation_name IS NOT NULL AND table_name <> :version_table"
        ),
        {"version_table": version_table},
    )
    return {str(row[0]) for row in rows}
