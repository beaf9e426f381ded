"""Events for clients with an open stream, for the processes that have the streams."""

import sqlalchemy as sa

from doorward_kit.column_types import UtcDateTime, Uuid, ascii_text, exact_text
from doorward_kit.migrations import create_index, create_table

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the table, which no earlier release uses."""
    create_table(
        "client_events",
        sa.Column("id", Uuid(), primary_key=True),
        sa.Column("user_id", Uuid(), nullable=False),
        sa.Column("session_id", Uuid()),
        sa.Column("name", ascii_text(64), nullable=False),
        sa.Column("data", exact_text(1000), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
    )
    create_index("client_events", "created_at")
