"""Mails about accounts: what there is, and putting one into the outbox.

Auth writes their texts and sends them; users, too, has something to tell people.
"""

from enum import StrEnum

import sqlalchemy as sa

from doorward_identity.tables import outbox
from doorward_mail.outbox import Mail, enqueue


class MailName(StrEnum):
    """Every kind of mail; the name is that of its template."""

    VERIFY_EMAIL = "verify_email"
    ALREADY_REGISTERED = "already_registered"
    INVITATION = "invitation"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a kind of mail, not a secret
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a kind of mail, not a secret
    EMAIL_CHANGE = "email_change"
    EMAIL_CHANGED = "email_changed"


LIFETIMES: dict[MailName, int] = {
    MailName.PASSWORD_RESET: 900,
    MailName.EMAIL_CHANGE: 900,
}
"""Seconds after which a mail is of no use to somebody who waits for it."""


def enqueue_mail(
    connection: sa.Connection,
    kind: MailName,
    recipient: str | None,
    /,
    *,
    locale: str = "",
    **parameters: object,
) -> None:
    """Put a mail into the outbox, in the transaction of what it is about; None is a decoy for nobody."""
    plain = {key: str(value) for key, value in parameters.items()}
    enqueue(connection, outbox, Mail(kind.value, recipient, locale, plain, LIFETIMES.get(kind)))
