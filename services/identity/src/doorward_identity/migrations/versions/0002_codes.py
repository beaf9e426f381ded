"""Codes are derived from seeds, and those of registrations belong to addresses.

Outstanding codes and registrations are dropped: they are minutes or a day old. Invited users get another
invitation when they register or ask for a reset, or from an administrator.
"""

import sqlalchemy as sa
from alembic import op

from doorward_kit.column_types import UtcDateTime, Uuid, ascii_text, exact_text, fixed_bytes
from doorward_kit.migrations import create_index, create_table

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Replace the tables of codes and registrations."""
    op.execute("DROP TABLE IF EXISTS one_time_codes")
    op.execute("DROP TABLE IF EXISTS pending_registrations")
    create_table(
        "one_time_codes",
        sa.Column("user_id", Uuid(), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("purpose", ascii_text(16), primary_key=True),
        sa.Column("form", ascii_text(8), primary_key=True),
        sa.Column("seed", fixed_bytes(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("sent_to", exact_text(254), nullable=False),
    )
    create_index("one_time_codes", "expires_at")
    create_table(
        "registration_codes",
        sa.Column("id", Uuid(), primary_key=True),
        sa.Column("email", exact_text(254), nullable=False),
        sa.Column("spelling_key", exact_text(254), nullable=False, unique=True),
        sa.Column("email_key", exact_text(254), nullable=False),
        sa.Column("seed", fixed_bytes(16), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
    )
    create_index("registration_codes", "expires_at")
    create_index("registration_codes", "email_key")
    create_table(
        "pending_registrations",
        sa.Column("id", Uuid(), primary_key=True),
        sa.Column("email", exact_text(254), nullable=False),
        sa.Column("email_key", exact_text(254), nullable=False),
        sa.Column("name", exact_text(200), nullable=False),
        sa.Column("password_hash", ascii_text(255), nullable=False),
        sa.Column("secret_hash", fixed_bytes(32), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
    )
    create_index("pending_registrations", "expires_at")
    create_index("pending_registrations", "email_key")
