"""The tables of the tickets database. No row refers to another database; each name is stored once."""

import uuid
from typing import Final

import sqlalchemy as sa

from doorward_kit.accept_language import LOCALE_LENGTH
from doorward_kit.column_types import NAMING, TABLE_OPTIONS, UtcDateTime, Uuid, ascii_text, exact_text
from doorward_kit.idempotency import idempotency_table
from doorward_kit.rate_limiting.repository import rate_limits_table
from doorward_kit.word_index import line_column, word_column
from doorward_mail.outbox.table import TEMPLATE_LENGTH, outbox_table

metadata: Final = sa.MetaData(naming_convention=NAMING)

SUBJECT_LENGTH: Final = 200
BODY_LENGTH: Final = 10_000  # characters: at most 40,000 of the column's 65,535 bytes
NAME_LENGTH: Final = 200
CURSOR_LENGTH: Final = 64
OUTBOX: Final = "tickets_outbox"


def _ticket_key() -> sa.Column[uuid.UUID]:
    return sa.Column("ticket_id", Uuid(), sa.ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True)


tickets: Final = sa.Table(
    "tickets",
    metadata,
    sa.Column("id", Uuid(), primary_key=True),  # UUIDv7
    # From `ticket_numbers`. NULL until the numbering task has seen a ticket of a release without numbers.
    sa.Column("number", sa.BigInteger),
    sa.Column("author_id", Uuid(), nullable=False),
    sa.Column("assignee_id", Uuid()),
    sa.Column("subject", exact_text(SUBJECT_LENGTH), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("search_text", line_column(), nullable=False),  # the indexed words of subject and body
    sa.Column("status", ascii_text(16), nullable=False),  # workflow.TicketStatus
    sa.Column("priority", sa.SmallInteger, nullable=False),  # workflow.Priority.rank, which sorts
    sa.Column("reply_count", sa.Integer, nullable=False),  # also the number of the newest reply
    sa.Column("version", sa.Integer, nullable=False),  # the ETag
    sa.Column("created_at", UtcDateTime(), nullable=False),
    sa.Column("updated_at", UtcDateTime(), nullable=False),
    sa.Column("counted_bytes", sa.Integer),  # its part of the author's `user_storage.bytes`; NULL: none
    sa.Index("ix_tickets_number", "number", unique=True),
    # Every order for all tickets, and for those of one author, one assignee, one status. The primary key
    # that breaks ties is the last column of each index by itself.
    *(
        sa.Index(f"ix_tickets_{'_'.join((*filters, order))}", *filters, order)
        for filters in ((), ("author_id",), ("assignee_id",), ("status",))
        for order in ("created_at", "updated_at", "priority")
    ),
    **TABLE_OPTIONS,
)

# The numbers of tickets, which people say aloud. AUTO_INCREMENT is a counter that no transaction holds until
# its commit (ADR 42). The rows of deleted tickets stay, so that no number is assigned again.
ticket_numbers: Final = sa.Table(
    "ticket_numbers",
    metadata,
    # SQLite counts in a column of this type alone.
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("ticket_id", Uuid(), nullable=False),
    sa.Index("ix_ticket_numbers_ticket_id", "ticket_id", unique=True),
    **TABLE_OPTIONS,
)

# The words of `search_text`, as an index. The rows of a ticket are found by its words: a foreign key, or
# any index by ticket, would cost a second index of this size.
ticket_search_terms: Final = sa.Table(
    "ticket_search_terms",
    metadata,
    sa.Column("word", word_column(), primary_key=True),
    sa.Column("ticket_id", Uuid(), primary_key=True),
    **TABLE_OPTIONS,
)

# Without a foreign key, whose cascade would delete any number of rows in the transaction of one request.
replies: Final = sa.Table(
    "replies",
    metadata,
    sa.Column("ticket_id", Uuid(), primary_key=True),
    # The position in the thread, assigned under the ticket's lock: clocks do not give an order.
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("id", Uuid(), nullable=False),  # UUIDv7
    sa.Column("author_id", Uuid(), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime(), nullable=False),
    sa.Column("counted_bytes", sa.Integer),  # its part of the author's `user_storage.bytes`; NULL: none
    **TABLE_OPTIONS,
)

# The bytes of text that a user stores: the sum of `counted_bytes` of the user's tickets and replies (ADR 43).
user_storage: Final = sa.Table(
    "user_storage",
    metadata,
    sa.Column("user_id", Uuid(), primary_key=True),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    **TABLE_OPTIONS,
)

# Deleted tickets that the cleanup has not finished: their replies and search terms still have to go.
deleted_tickets: Final = sa.Table(
    "deleted_tickets",
    metadata,
    sa.Column("ticket_id", Uuid(), primary_key=True),
    sa.Column("search_text", line_column(), nullable=False),  # the words whose rows still have to go
    **TABLE_OPTIONS,
)

# What the users service answered about a user, when the user last changed something here.
user_snapshots: Final = sa.Table(
    "user_snapshots",
    metadata,
    sa.Column("id", Uuid(), primary_key=True),  # the user's id
    sa.Column("name", exact_text(NAME_LENGTH)),
    sa.Column("role", ascii_text(16), nullable=False),
    sa.Column("locale", ascii_text(LOCALE_LENGTH)),  # of the user's last request; NULL: unknown
    sa.Column("profile_updated_at", UtcDateTime()),  # `updated_at` of the profile, by the users' clock
    sa.Column("updated_at", UtcDateTime(), nullable=False),
    sa.Column("deleted_at", UtcDateTime()),  # of a deleted user nothing but the id is kept
    **TABLE_OPTIONS,
)

# The positions in other services' feeds, shared by all replicas.
feed_cursors: Final = sa.Table(
    "feed_cursors",
    metadata,
    sa.Column("name", ascii_text(32), primary_key=True),
    # A cursor of the feed's service; for the reconciliation the time of the next (ISO 8601, UTC).
    sa.Column("cursor", ascii_text(CURSOR_LENGTH), nullable=False),
    **TABLE_OPTIONS,
)

notification_mutes: Final = sa.Table(
    "notification_mutes",
    metadata,
    _ticket_key(),
    sa.Column("user_id", Uuid(), primary_key=True),
    **TABLE_OPTIONS,
)

# The newest mail of each type about a ticket to a user.
pending_notifications: Final = sa.Table(
    "pending_notifications",
    metadata,
    _ticket_key(),
    sa.Column("user_id", Uuid(), primary_key=True),
    sa.Column("type", ascii_text(TEMPLATE_LENGTH), primary_key=True),
    sa.Column("mail_id", Uuid(), nullable=False),
    sa.Column("after_reply_number", sa.Integer, nullable=False),  # earlier mails cover replies up to this
    sa.Column("due_at", UtcDateTime(), nullable=False, index=True),
    **TABLE_OPTIONS,
)

# The name is also the label in metrics: a process may have two outboxes.
outbox: Final = outbox_table(metadata, OUTBOX)

idempotency_keys: Final = idempotency_table(metadata)

rate_limits: Final = rate_limits_table(metadata)
