"""What accounts need beside sessions: audit, codes, registrations, known devices, limits."""

import sqlalchemy as sa

from doorward_kit.column_types import UtcDateTime, ascii_text, exact_text, fixed_bytes
from doorward_kit.migrations import add_column, create_index, create_table

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables; the release before this one does not notice them."""
    add_column(
        "credentials",
        sa.Column(
            "must_change", sa.Boolean(create_constraint=False), nullable=False, server_default=sa.text("0")
        ),
    )
    create_table(
        "audit_events",
        sa.Column("id", fixed_bytes(16), primary_key=True),
        sa.Column("action", ascii_text(64), nullable=False),
        sa.Column("actor_id", fixed_bytes(16)),
        sa.Column("target_id", fixed_bytes(16)),
        sa.Column("address", ascii_text(45), nullable=False),
        sa.Column("request_id", ascii_text(128), nullable=False),
        sa.Column("occurred_at", UtcDateTime(), nullable=False),
        sa.Column("details", exact_text(1000)),
    )
    for column in ("target_id", "actor_id", "action"):
        create_index("audit_events", column, "id")
    create_table(
        "one_time_codes",
        _owner(primary_key=True),
        sa.Column("purpose", ascii_text(16), primary_key=True),
        sa.Column("code_hash", fixed_bytes(32), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("subject", exact_text(254)),
    )
    create_index("one_time_codes", "expires_at")
    create_table(
        "registrations",
        sa.Column("id", fixed_bytes(16), primary_key=True),
        sa.Column("email", exact_text(254), nullable=False),
        sa.Column("email_key", exact_text(254), nullable=False),
        sa.Column("name", exact_text(200), nullable=False),
        sa.Column("password_hash", ascii_text(255), nullable=False),
        sa.Column("code_hash", fixed_bytes(32)),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
    )
    create_index("registrations", "expires_at")
    create_index("registrations", "email_key", "created_at")
    create_table(
        "known_devices",
        sa.Column("id", fixed_bytes(16), primary_key=True),
        _owner(primary_key=False),
        sa.Column("secret_hash", fixed_bytes(32), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=False),
    )
    create_index("known_devices", "user_id")
    create_table(
        "rate_limits",
        sa.Column("subject", fixed_bytes(32), primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("blocked_until", UtcDateTime(), nullable=False),
    )
    create_index("rate_limits", "expires_at")


def _owner(*, primary_key: bool) -> sa.Column[bytes]:
    reference = sa.ForeignKey("users.id", ondelete="CASCADE")
    return sa.Column("user_id", fixed_bytes(16), reference, primary_key=primary_key, nullable=False)
