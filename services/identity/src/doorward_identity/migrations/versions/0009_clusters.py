"""Several database nodes: how old data is, and under which credentials a session opened."""

import sqlalchemy as sa

from doorward_kit.column_types import UtcDateTime, ascii_text
from doorward_kit.migrations import add_column, create_table

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the table, and the column, which is NULL for sessions of before."""
    create_table(
        "sentinels",
        sa.Column("name", ascii_text(32), primary_key=True),
        sa.Column("written_at", UtcDateTime(), nullable=False),
        sa.Column("node", ascii_text(255), nullable=False),
    )
    add_column("sessions", sa.Column("auth_version", sa.Integer))
