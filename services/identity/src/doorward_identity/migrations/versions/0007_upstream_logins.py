"""Logins at upstreams: what one says about a session's user, and logins at its own pages under way."""

import sqlalchemy as sa

from doorward_kit.column_types import UtcDateTime, Uuid, ascii_text, exact_text, fixed_bytes
from doorward_kit.migrations import add_column, create_index, create_table
from doorward_kit.sealed import SealedValue

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column, which is NULL for sessions of before, and the table."""
    add_column("sessions", sa.Column("extensions", ascii_text(512)))
    create_table(
        "upstream_authorizations",
        sa.Column("id", Uuid(), primary_key=True),
        sa.Column("provider", ascii_text(32), nullable=False),
        sa.Column("state_hash", fixed_bytes(32), unique=True),
        sa.Column("secrets", SealedValue(), nullable=False),
        sa.Column("redirect_uri", exact_text(512), nullable=False),
        sa.Column("client_state", exact_text(512)),
        sa.Column("code_challenge", ascii_text(43), nullable=False),
        sa.Column("code_hash", fixed_bytes(32)),
        sa.Column("login", SealedValue()),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
    )
    create_index("upstream_authorizations", "expires_at")
