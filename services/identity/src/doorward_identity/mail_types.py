"""Kinds of mails about accounts, and enqueueing one. Auth has their templates and sends them.

Mail waits in the outbox while no mail server is configured. A request whose answer promises a mail is then
rejected (`require_transport`).
"""

from enum import StrEnum

import sqlalchemy as sa

from doorward_client.errors import DoorwardError
from doorward_identity.tables import outbox
from doorward_mail.outbox.mail import Mail, enqueue
from doorward_mail.settings import MailTransportSettings


class MailName(StrEnum):
    """The kinds of mails, by the name of their template."""

    VERIFY_EMAIL = "verify_email"
    ALREADY_REGISTERED = "already_registered"
    INVITATION = "invitation"
    INVITATION_EXPIRED = "invitation_expired"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a kind of mail, not a secret
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a kind of mail, not a secret
    EMAIL_CHANGE = "email_change"
    EMAIL_CHANGED = "email_changed"
    EMAIL_REPLACED = "email_replaced"
    PASSWORD_SET = "password_set"  # noqa: S105 - a kind of mail, not a secret
    EMAIL_SET = "email_set"
    EMAIL_PROOF = "email_proof"
    UPSTREAM_LINKED = "upstream_linked"
    UPSTREAM_REAUTH = "upstream_reauth"


LIFETIMES: dict[MailName, int] = {
    MailName.VERIFY_EMAIL: 86_400,
    MailName.ALREADY_REGISTERED: 86_400,
    MailName.INVITATION: 7 * 86_400,
    MailName.INVITATION_EXPIRED: 86_400,
    MailName.PASSWORD_RESET: 900,
    MailName.EMAIL_CHANGE: 900,
    MailName.EMAIL_PROOF: 900,
    MailName.UPSTREAM_REAUTH: 7 * 86_400,
}
"""Seconds after which a mail is discarded, because its code has expired or its reason is over."""


class MailNotConfiguredError(DoorwardError):
    """503 without Retry-After: the answer would promise a mail, and no mail server is configured."""

    status = 503
    code = "mail_not_configured"
    detail = "This installation sends no mail. Ask its operator to configure a mail server."


def require_transport(settings: MailTransportSettings) -> None:
    """Raise MailNotConfiguredError if no mail would be sent."""
    if not settings.has_mail_transport:
        raise MailNotConfiguredError


def enqueue_mail(
    connection: sa.Connection,
    kind: MailName,
    recipient: str | None,
    /,
    *,
    locale: str = "",
    **parameters: object,
) -> None:
    """Add a mail to the outbox, in the transaction of its reason. One without a recipient is a decoy.

    Users whose upstream told no address have an empty one.
    """
    texts = {key: str(value) for key, value in parameters.items()}
    enqueue(connection, outbox, Mail(kind.value, recipient or None, locale, texts, LIFETIMES.get(kind)))
