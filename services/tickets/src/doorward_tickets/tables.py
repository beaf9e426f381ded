"""The tables of the tickets database. No row points into another database, and no name is copied twice."""

from typing import Final

import sqlalchemy as sa

from doorward_kit.accept_language import LOCALE_LENGTH
from doorward_kit.column_types import NAMING, TABLE_OPTIONS, UtcDateTime, Uuid, ascii_text, exact_text
from doorward_kit.idempotency import idempotency_table
from doorward_kit.word_index import line_column, word_column
from doorward_mail.outbox import TEMPLATE_LENGTH, outbox_table

metadata: Final = sa.MetaData(naming_convention=NAMING)

SUBJECT_LENGTH: Final = 200
TEXT_LENGTH: Final = 10_000  # characters: 40,000 bytes at most, of the 65,535 that the column holds
NAME_LENGTH: Final = 200
CURSOR_LENGTH: Final = 64
OUTBOX: Final = "tickets_outbox"


def _ticket_key() -> sa.Column[bytes]:
    return sa.Column("ticket_id", Uuid(), sa.ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True)


tickets: Final = sa.Table(
    "tickets",
    metadata,
    sa.Column("id", Uuid(), primary_key=True),  # UUIDv7
    sa.Column("author_id", Uuid(), nullable=False),
    sa.Column("assignee_id", Uuid()),
    sa.Column("subject", exact_text(SUBJECT_LENGTH), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("words", line_column(), nullable=False),  # of both, as search compares them
    sa.Column("status", ascii_text(16), nullable=False),  # see states.TicketStatus
    sa.Column("priority", sa.SmallInteger, nullable=False),  # see states.Priority: its rank, which sorts
    sa.Column("reply_count", sa.Integer, nullable=False),  # also the number of the newest reply
    sa.Column("version", sa.Integer, nullable=False),  # the ETag
    sa.Column("created_at", UtcDateTime(), nullable=False),
    sa.Column("updated_at", UtcDateTime(), nullable=False),
    # Every order for everybody's tickets, for one author's, one assignee's and those of one status. The
    # id that breaks ties is behind every index's columns by itself.
    *(
        sa.Index(f"ix_tickets_{'_'.join((*narrowed, order))}", *narrowed, order)
        for narrowed in ((), ("author_id",), ("assignee_id",), ("status",))
        for order in ("created_at", "updated_at", "priority")
    ),
    **TABLE_OPTIONS,
)

# The same words, to find tickets by. Written once with its ticket, which is never deleted: a foreign key
# would cost a second index of this size.
ticket_search_terms: Final = sa.Table(
    "ticket_search_terms",
    metadata,
    sa.Column("word", word_column(), primary_key=True),
    sa.Column("ticket_id", Uuid(), primary_key=True),
    **TABLE_OPTIONS,
)

replies: Final = sa.Table(
    "replies",
    metadata,
    sa.Column("ticket_id", Uuid(), sa.ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    # Its place in the thread, given under the ticket's lock: the order that a clock cannot promise.
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("id", Uuid(), nullable=False),  # UUIDv7
    sa.Column("author_id", Uuid(), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime(), nullable=False),
    **TABLE_OPTIONS,
)

people: Final = sa.Table(
    "people",
    metadata,
    sa.Column("id", Uuid(), primary_key=True),  # the user's, in the directory
    sa.Column("name", exact_text(NAME_LENGTH)),  # as it was when they last acted
    sa.Column("role", ascii_text(16), nullable=False),
    sa.Column("updated_at", UtcDateTime(), nullable=False),
    sa.Column("locale", ascii_text(LOCALE_LENGTH)),  # the language that they read, if they ever said so
    sa.Column("deleted_at", UtcDateTime()),  # of whoever has this, nothing else is kept
    # `updated_at` of the account when name and role were so, by the directory's clock. None: not known.
    sa.Column("profile_updated_at", UtcDateTime()),
    **TABLE_OPTIONS,
)

# How far things elsewhere were read, by all replicas together.
feeds: Final = sa.Table(
    "feeds",
    metadata,
    sa.Column("name", ascii_text(32), primary_key=True),
    # Of the service that has the feed; of the check of everybody, the time of the next (ISO 8601, UTC).
    sa.Column("cursor", ascii_text(CURSOR_LENGTH), nullable=False),
    **TABLE_OPTIONS,
)

mutes: Final = sa.Table(
    "mutes",
    metadata,
    _ticket_key(),
    sa.Column("person_id", Uuid(), primary_key=True),
    **TABLE_OPTIONS,
)

# The newest mail of each kind about a ticket to a person: see notices/.
notices: Final = sa.Table(
    "notices",
    metadata,
    _ticket_key(),
    sa.Column("person_id", Uuid(), primary_key=True),
    sa.Column("kind", ascii_text(TEMPLATE_LENGTH), primary_key=True),
    sa.Column("mail_id", Uuid(), nullable=False),
    sa.Column("since", sa.Integer, nullable=False),  # the last reply that earlier mails told of
    sa.Column("due_at", UtcDateTime(), nullable=False, index=True),
    **TABLE_OPTIONS,
)

# Of a name of its own, which is also its label in metrics: a process may have two outboxes.
outbox: Final = outbox_table(metadata, OUTBOX)

idempotency_keys: Final = idempotency_table(metadata)
