"""Clients that are to be told of deleted users (OpenID Connect Back-Channel Logout)."""

import sqlalchemy as sa

from doorward_kit.column_types import UtcDateTime, Uuid
from doorward_kit.migrations import create_index, create_table

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the table, which no earlier release uses."""
    create_table(
        "logout_deliveries",
        sa.Column("id", Uuid(), primary_key=True),
        sa.Column("user_id", Uuid(), nullable=False),
        sa.Column(
            "oauth_client_id", Uuid(), sa.ForeignKey("oauth_clients.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("attempts", sa.SmallInteger, nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
    )
    create_index("logout_deliveries", "due_at")
