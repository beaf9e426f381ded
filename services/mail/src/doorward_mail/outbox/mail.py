"""Enqueueing: a mail is a row, written in the transaction of the change that it is about."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import sqlalchemy as sa
import uuid_utils.compat as uuid7s

from doorward_kit.accept_language import LOCALE_LENGTH
from doorward_kit.column_types import utc_now
from doorward_mail.outbox.table import PARAMETERS_LENGTH, RECIPIENT_LENGTH


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
