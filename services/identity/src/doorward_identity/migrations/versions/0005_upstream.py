"""Identities and grants of upstreams. Their tokens are encrypted (doorward_kit.sealed)."""

import sqlalchemy as sa

from doorward_kit.column_types import UtcDateTime, Uuid, ascii_text, exact_text, fixed_bytes
from doorward_kit.migrations import create_index, create_table
from doorward_kit.sealed import SealedValue

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the three tables."""
    create_table(
        "upstream_identities",
        sa.Column("provider", ascii_text(32), primary_key=True),
        sa.Column("subject", exact_text(255), primary_key=True),
        _reference("users", nullable=False),
        sa.Column("username", exact_text(254)),
        sa.Column("linked_at", UtcDateTime(), nullable=False),
        sa.UniqueConstraint("user_id", "provider"),
    )
    _create_grants()
    create_table(
        "upstream_registrations",
        sa.Column("key_hash", fixed_bytes(32), primary_key=True),
        sa.Column("fingerprint", fixed_bytes(32), nullable=False),
        sa.Column("provider", ascii_text(32), nullable=False),
        sa.Column("state", ascii_text(16), nullable=False),
        _reference("users"),
        sa.Column("leased_until", UtcDateTime()),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
    )
    create_index("upstream_registrations", "user_id")
    create_index("upstream_registrations", "expires_at")


def _create_grants() -> None:
    create_table(
        "upstream_grants",
        sa.Column("id", Uuid(), primary_key=True),
        _reference("users", nullable=False),
        sa.Column("provider", ascii_text(32), nullable=False),
        _reference("sessions"),
        sa.Column("state", ascii_text(16), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("access_token", SealedValue()),
        sa.Column("refresh_token", SealedValue()),
        sa.Column("id_token", SealedValue()),
        sa.Column("key_id", fixed_bytes(8)),
        sa.Column("scope", exact_text(1000), nullable=False),
        sa.Column("access_expires_at", UtcDateTime()),
        sa.Column("refresh_expires_at", UtcDateTime()),
        sa.Column("reauth_at", UtcDateTime()),
        sa.Column("due_at", UtcDateTime()),
        sa.Column("lease_id", Uuid()),
        sa.Column("leased_until", UtcDateTime()),
        sa.Column("sent_at", UtcDateTime()),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("last_error", ascii_text(64)),
        sa.Column("last_refreshed_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
    )
    create_index("upstream_grants", "session_id")
    create_index("upstream_grants", "key_id")
    create_index("upstream_grants", "provider", "due_at")
    create_index("upstream_grants", "provider", "state")
    create_index("upstream_grants", "user_id", "provider")


def _reference(table: str, *, nullable: bool = True) -> sa.Column[object]:
    column = f"{table.removesuffix('s')}_id"
    return sa.Column(column, Uuid(), sa.ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=nullable)
