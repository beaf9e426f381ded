"""Which way mail goes, by the settings."""

from doorward_common.mail.delivery import Transport
from doorward_common.mail.mailbox import Mailbox
from doorward_common.mail.settings import MailSettings
from doorward_common.mail.smtp import SmtpTransport


def transport_of(settings: MailSettings) -> Transport | None:
    """Return the transport that is set up, None where none is."""
    if settings.smtp_host is not None:
        return SmtpTransport(settings)
    if settings.mailbox_dir is not None:
        return Mailbox(settings.mailbox_dir, settings.mailbox_size)
    return None
