"""The tables of the tickets database."""

import uuid

import sqlalchemy as sa

from doorward_kit.column_types import UtcDateTime, Uuid, ascii_text, exact_text
from doorward_kit.migrations import create_idempotency_keys, create_index, create_table
from doorward_kit.word_index import line_column, word_column
from doorward_mail.outbox.migration import create_outbox

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables; each step is skipped where an interrupted run has done it."""
    create_table(
        "tickets",
        sa.Column("id", Uuid(), primary_key=True),
        sa.Column("author_id", Uuid(), nullable=False),
        sa.Column("assignee_id", Uuid()),
        sa.Column("subject", exact_text(200), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("search_text", line_column(), nullable=False),
        sa.Column("status", ascii_text(16), nullable=False),
        sa.Column("priority", sa.SmallInteger, nullable=False),
        sa.Column("reply_count", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
    )
    for filters in ((), ("author_id",), ("assignee_id",), ("status",)):
        for order in ("created_at", "updated_at", "priority"):
            create_index("tickets", *filters, order)
    create_table(
        "ticket_search_terms",
        sa.Column("word", word_column(), primary_key=True),
        sa.Column("ticket_id", Uuid(), primary_key=True),
    )
    create_table(
        "replies",
        _ticket_key(),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", Uuid(), nullable=False),
        sa.Column("author_id", Uuid(), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
    )
    create_table(
        "user_snapshots",
        sa.Column("id", Uuid(), primary_key=True),
        sa.Column("name", exact_text(200)),
        sa.Column("role", ascii_text(16), nullable=False),
        sa.Column("locale", ascii_text(35)),
        sa.Column("profile_updated_at", UtcDateTime()),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("deleted_at", UtcDateTime()),
    )
    create_table(
        "feed_cursors",
        sa.Column("name", ascii_text(32), primary_key=True),
        sa.Column("cursor", ascii_text(64), nullable=False),
    )
    create_table("notification_mutes", _ticket_key(), sa.Column("user_id", Uuid(), primary_key=True))
    create_table(
        "pending_notifications",
        _ticket_key(),
        sa.Column("user_id", Uuid(), primary_key=True),
        sa.Column("type", ascii_text(64), primary_key=True),
        sa.Column("mail_id", Uuid(), nullable=False),
        sa.Column("after_reply_number", sa.Integer, nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
    )
    create_index("pending_notifications", "due_at")
    create_outbox("tickets_outbox")
    create_idempotency_keys()


def _ticket_key() -> sa.Column[uuid.UUID]:
    return sa.Column("ticket_id", Uuid(), sa.ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True)
