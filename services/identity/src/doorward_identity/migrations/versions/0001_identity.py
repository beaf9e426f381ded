"""The identity schema of the first release."""

import sqlalchemy as sa

from doorward_kit.column_types import UtcDateTime, Uuid, ascii_text, exact_text, fixed_bytes
from doorward_kit.migrations import create_index, create_table
from doorward_mail.outbox.migration import create_outbox

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables. A revision does not change after its release, so it names no table of tables.py."""
    _create_users()
    _create_sessions()
    _create_codes_and_limits()
    _create_logs()
    create_outbox()


def _create_users() -> None:
    create_table(
        "users",
        sa.Column("id", Uuid(), primary_key=True),
        sa.Column("email", exact_text(254), nullable=False),
        sa.Column("email_key", exact_text(254), nullable=False, unique=True),
        sa.Column("name", exact_text(200), nullable=False),
        sa.Column("name_key", exact_text(400), nullable=False),
        sa.Column("role", ascii_text(32), nullable=False),
        sa.Column("status", ascii_text(16), nullable=False),
        sa.Column("email_verified_at", UtcDateTime()),
        sa.Column("token_version", sa.Integer, nullable=False),
        sa.Column("auth_version", sa.Integer, nullable=False, server_default=sa.text("0")),
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
        _user_id(primary_key=True),
        sa.Column("password_hash", ascii_text(255), nullable=False),
        sa.Column(
            "must_change", sa.Boolean(create_constraint=False), nullable=False, server_default=sa.text("0")
        ),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
    )
    create_table(
        "known_devices",
        sa.Column("id", Uuid(), primary_key=True),
        _user_id(),
        sa.Column("secret_hash", fixed_bytes(32), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=False),
        sa.Column("confirmed_at", UtcDateTime()),
    )
    create_index("known_devices", "user_id")


def _create_sessions() -> None:
    create_table(
        "sessions",
        sa.Column("id", Uuid(), primary_key=True),
        _user_id(),
        sa.Column("current_hash", fixed_bytes(32), nullable=False),
        sa.Column("previous_hash", fixed_bytes(32)),
        sa.Column("rotated_at", UtcDateTime()),
        sa.Column("auth_time", UtcDateTime(), nullable=False),
        sa.Column("acr", ascii_text(8), nullable=False),
        sa.Column("amr", ascii_text(64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=False),
        sa.Column("idle_expires_at", UtcDateTime(), nullable=False),
        sa.Column("absolute_expires_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime()),
        sa.Column("end_reason", ascii_text(32)),
        sa.Column("user_agent", exact_text(255), nullable=False),
        sa.Column("ip_address", ascii_text(45), nullable=False),
    )
    create_index("sessions", "user_id")
    create_table(
        "sign_ins",
        sa.Column("id", Uuid(), primary_key=True),
        _user_id(),
        sa.Column("secret_hash", fixed_bytes(32), nullable=False),
        sa.Column("amr", ascii_text(64), nullable=False),
        sa.Column("proven_at", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.SmallInteger, nullable=False),
        sa.Column("token_version", sa.Integer, nullable=False),
        sa.Column("auth_version", sa.Integer, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
    )
    create_index("sign_ins", "expires_at")
    create_index("sign_ins", "user_id", "created_at")
    create_table(
        "revocations",
        sa.Column("kind", ascii_text(8), primary_key=True),
        sa.Column("subject_id", Uuid(), primary_key=True),
        sa.Column("token_version", sa.Integer, nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
    )
    create_index("revocations", "revoked_at")
    create_index("revocations", "expires_at")


def _create_codes_and_limits() -> None:
    create_table(
        "one_time_codes",
        _user_id(primary_key=True),
        sa.Column("purpose", ascii_text(16), primary_key=True),
        sa.Column("code_hash", fixed_bytes(32), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("sent_to", exact_text(254)),
    )
    create_index("one_time_codes", "expires_at")
    create_table(
        "pending_registrations",
        sa.Column("id", Uuid(), primary_key=True),
        sa.Column("email", exact_text(254), nullable=False),
        sa.Column("email_key", exact_text(254), nullable=False),
        sa.Column("name", exact_text(200), nullable=False),
        sa.Column("password_hash", ascii_text(255), nullable=False),
        sa.Column("code_hash", fixed_bytes(32)),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
    )
    create_index("pending_registrations", "expires_at")
    create_index("pending_registrations", "email_key", "created_at")
    create_table(
        "rate_limits",
        sa.Column("key_hash", fixed_bytes(32), primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("blocked_until", UtcDateTime(), nullable=False),
    )
    create_index("rate_limits", "expires_at")


def _create_logs() -> None:
    create_table(
        "audit_events",
        sa.Column("id", Uuid(), primary_key=True),
        sa.Column("action", ascii_text(64), nullable=False),
        sa.Column("actor_id", Uuid()),
        sa.Column("target_id", Uuid()),
        sa.Column("ip_address", ascii_text(45), nullable=False),
        sa.Column("request_id", ascii_text(128), nullable=False),
        sa.Column("occurred_at", UtcDateTime(), nullable=False),
        sa.Column("details", exact_text(1000)),
    )
    for column in ("target_id", "actor_id", "action"):
        create_index("audit_events", column, "id")
    create_table(
        "deleted_users",
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("id", Uuid(), nullable=False),
        sa.Column("user_id", Uuid()),
        sa.Column("deleted_at", UtcDateTime(), nullable=False),
    )
    create_index("deleted_users", "deleted_at")


def _user_id(*, primary_key: bool = False) -> sa.Column[object]:
    reference = sa.ForeignKey("users.id", ondelete="CASCADE")
    return sa.Column("user_id", Uuid(), reference, primary_key=primary_key, nullable=False)
