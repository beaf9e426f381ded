"""The outbox: a mail is a row, written in the transaction of the change that it is about.

A rolled-back change sends no mail, and a committed one cannot lose its mail. The row is deleted once the
mail is sent, because the address is personal data and the log records the sending. The rest are mails under
way and dead letters, which administrators see (dead_letters).
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import sqlalchemy as sa
import uuid_utils.compat as uuid7s

from doorward_kit.accept_language import LOCALE_LENGTH
from doorward_kit.column_types import (
    TABLE_OPTIONS,
    UtcDateTime,
    Uuid,
    ascii_text,
    exact_text,
    utc_now,
)

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


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to send, in `wait` seconds.

    `recipient` None is a decoy: a row for an unknown address, so that a request takes the same time for
    known and unknown ones. `parameters` become the template's variables, as JSON: never a code or a
    secret, which the template's `prepare` hook makes just before sending. `locale` is a language tag or
    empty. After `expires_in` seconds the mail is discarded instead of sent.
    """

    template: str
    recipient: str | None
    locale: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    expires_in: int | None = None
    wait: int = 0
    id: uuid.UUID = field(default_factory=uuid7s.uuid7)


def enqueue(connection: sa.Connection, outbox: sa.Table, mail: Mail) -> None:
    """Write a mail in the caller's transaction; the worker sends it after the commit.

    Wake this process's worker after the commit (MailSender.wake); other processes find the mail with their
    next poll. Raises ValueError for a mail that does not fit its row.
    """
    parameters = orjson.dumps(dict(mail.parameters))
    if len(parameters) > PARAMETERS_LENGTH:
        raise ValueError(
            f"the parameters of a {mail.template} mail are longer than {PARAMETERS_LENGTH} bytes"
        )
    if len(mail.recipient or "") > RECIPIENT_LENGTH:
        raise ValueError(f"the recipient of a {mail.template} mail is longer than {RECIPIENT_LENGTH}")
    connection.execute(
        outbox.insert().values(
            id=mail.id,
            template=mail.template,
            recipient=mail.recipient,
            locale=mail.locale if _fits(mail.locale) else "",
            parameters=parameters.decode("utf-8"),
            created_at=utc_now(mail.wait),
            due_at=utc_now(mail.wait),
            expires_at=None if mail.expires_in is None else utc_now(mail.expires_in),
            attempts=0,
        )
    )


def _fits(locale: str) -> bool:
    return len(locale) <= LOCALE_LENGTH and locale.isascii()
