"""People, their password hashes, their sessions."""

import sqlalchemy as sa

from doorward_kit.column_types import UtcDateTime, ascii_text, exact_text, fixed_bytes
from doorward_kit.migrations import create_index, create_table

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    create_table(
        "users",
        sa.Column("id", fixed_bytes(16), primary_key=True),
        sa.Column("email", exact_text(254), nullable=False),
        sa.Column("email_key", exact_text(254), nullable=False, unique=True),
        sa.Column("name", exact_text(200), nullable=False),
        sa.Column("name_key", exact_text(400), nullable=False),
        sa.Column("role", ascii_text(16), nullable=False),
        sa.Column("status", ascii_text(16), nullable=False),
        sa.Column("email_verified_at", UtcDateTime()),
        sa.Column("token_version", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
    )
    create_index("users", "name_key")
    create_index("users", "created_at")
    create_index("users", "role", "created_at")
    create_index("users", "status", "created_at")
    create_table(
        "credentials",
        sa.Column(
            "user_id", fixed_bytes(16), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("password_hash", ascii_text(255), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
    )
    create_table(
        "sessions",
        sa.Column("id", fixed_bytes(16), primary_key=True),
        sa.Column("user_id", fixed_bytes(16), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("current_hash", fixed_bytes(32), nullable=False),
        sa.Column("previous_hash", fixed_bytes(32)),
        sa.Column("rotated_at", UtcDateTime()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=False),
        sa.Column("idle_expires_at", UtcDateTime(), nullable=False),
        sa.Column("absolute_expires_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime()),
        sa.Column("end_reason", ascii_text(32)),
        sa.Column("user_agent", exact_text(255), nullable=False),
        sa.Column("address", ascii_text(45), nullable=False),
    )
    create_index("sessions", "user_id")
