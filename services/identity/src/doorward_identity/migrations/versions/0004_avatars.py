"""Pictures of users."""

import sqlalchemy as sa

from doorward_kit.column_types import UtcDateTime, Uuid, ascii_text, fixed_bytes, medium_bytes
from doorward_kit.migrations import add_column, create_index, create_table

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the table of pictures, and their columns of users and registrations."""
    create_table(
        "avatars",
        sa.Column("id", Uuid(), primary_key=True),
        sa.Column("digest", fixed_bytes(16), nullable=False),
        sa.Column("storage", ascii_text(8), nullable=False),
        sa.Column("small", medium_bytes()),
        sa.Column("large", medium_bytes()),
        sa.Column("expires_at", UtcDateTime()),
    )
    create_index("avatars", "expires_at")
    for table in ("users", "pending_registrations"):
        add_column(table, sa.Column("avatar_id", Uuid()))
        add_column(table, sa.Column("avatar_digest", fixed_bytes(16)))
