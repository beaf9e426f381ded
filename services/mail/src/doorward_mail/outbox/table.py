"""The table of an outbox: mails under way, and dead letters."""

from typing import Final

import sqlalchemy as sa

from doorward_kit.accept_language import LOCALE_LENGTH
from doorward_kit.column_types import TABLE_OPTIONS, UtcDateTime, Uuid, ascii_text, exact_text

OUTBOX: Final = "outbox"

RECIPIENT_LENGTH: Final = 254  # RFC 5321 section 4.5.3.1.3, as corrected by erratum 1690
TEMPLATE_LENGTH: Final = 64
ERROR_LENGTH: Final = 64
PARAMETERS_LENGTH: Final = 8000
"""Bytes of JSON. A mail that quotes more reads the text in its `prepare` hook."""


def outbox_table(metadata: sa.MetaData, name: str = OUTBOX) -> sa.Table:
    """Return the table of an outbox; migration.create_outbox creates it."""
    return sa.Table(
        name,
        metadata,
        sa.Column("id", Uuid(), primary_key=True),  # UUIDv7; the Message-ID begins with it
        sa.Column("template", ascii_text(TEMPLATE_LENGTH), nullable=False),
        sa.Column("recipient", exact_text(RECIPIENT_LENGTH)),  # as typed; NULL in a decoy
        sa.Column("locale", ascii_text(LOCALE_LENGTH), nullable=False),
        sa.Column("parameters", exact_text(PARAMETERS_LENGTH), nullable=False),  # JSON, never a secret
        sa.Column("created_at", UtcDateTime(), nullable=False),
        # Earliest time of the next lease: later after a failure and during a lease. NULL: dead letter.
        sa.Column("due_at", UtcDateTime(), index=True),
        sa.Column("expires_at", UtcDateTime()),  # of no use afterwards
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("lease_id", Uuid()),  # the lease that may record a result
        sa.Column("dead_at", UtcDateTime(), index=True),
        sa.Column("last_error", ascii_text(ERROR_LENGTH)),  # the step and SMTP's codes, no text of a server
        **TABLE_OPTIONS,
    )
