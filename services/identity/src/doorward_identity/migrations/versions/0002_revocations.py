"""Access tokens that died before their time."""

import sqlalchemy as sa

from doorward_kit.column_types import UtcDateTime, ascii_text, fixed_bytes
from doorward_kit.migrations import create_index, create_table

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table."""
    create_table(
        "revocations",
        sa.Column("kind", ascii_text(8), primary_key=True),
        sa.Column("subject_id", fixed_bytes(16), primary_key=True),
        sa.Column("token_version", sa.Integer, nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
    )
    create_index("revocations", "revoked_at")
    create_index("revocations", "expires_at")
