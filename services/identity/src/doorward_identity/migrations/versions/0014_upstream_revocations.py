"""Tokens that are to be revoked at upstreams."""

import sqlalchemy as sa

from doorward_kit.column_types import UtcDateTime, Uuid, ascii_text, exact_text, fixed_bytes
from doorward_kit.migrations import create_index, create_table
from doorward_kit.sealed import KEY_ID_BYTES, SealedValue

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the table, which no earlier release uses."""
    create_table(
        "upstream_revocations",
        sa.Column("id", Uuid(), primary_key=True),
        sa.Column("provider", ascii_text(32), nullable=False),
        sa.Column("subject", exact_text(255)),
        sa.Column("grant_id", Uuid()),
        sa.Column("access_token", SealedValue()),
        sa.Column("refresh_token", SealedValue()),
        sa.Column("key_id", fixed_bytes(KEY_ID_BYTES), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
    )
    create_index("upstream_revocations", "provider", "due_at")
    create_index("upstream_revocations", "key_id")
    create_index("upstream_revocations", "expires_at")
