"""Tickets, their words, their threads, the people beside them."""

import sqlalchemy as sa

from doorward_kit.column_types import UtcDateTime, ascii_text, exact_text, fixed_bytes
from doorward_kit.migrations import create_idempotency_keys, create_index, create_table
from doorward_kit.word_index import line_column, word_column

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    create_table(
        "tickets",
        sa.Column("id", fixed_bytes(16), primary_key=True),
        sa.Column("author_id", fixed_bytes(16), nullable=False),
        sa.Column("assignee_id", fixed_bytes(16)),
        sa.Column("subject", exact_text(200), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("words", line_column(), nullable=False),
        sa.Column("status", ascii_text(16), nullable=False),
        sa.Column("priority", sa.SmallInteger, nullable=False),
        sa.Column("reply_count", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
    )
    for narrowed in ((), ("author_id",), ("assignee_id",), ("status",)):
        for order in ("created_at", "updated_at", "priority"):
            create_index("tickets", *narrowed, order)
    create_table(
        "ticket_search_terms",
        sa.Column("word", word_column(), primary_key=True),
        sa.Column("ticket_id", fixed_bytes(16), primary_key=True),
    )
    create_table(
        "replies",
        sa.Column(
            "ticket_id", fixed_bytes(16), sa.ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", fixed_bytes(16), nullable=False),
        sa.Column("author_id", fixed_bytes(16), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
    )
    create_table(
        "people",
        sa.Column("id", fixed_bytes(16), primary_key=True),
        sa.Column("name", exact_text(200)),
        sa.Column("role", ascii_text(16), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
    )
    create_idempotency_keys()
