"""Which way mail goes, by the settings."""

from doorward_mail.file_transport import Mailbox
from doorward_mail.settings import MailSettings
from doorward_mail.smtp import SmtpTransport
from doorward_mail.transport import Transport


def transport_of(settings: MailSettings) -> Transport | None:
    """Return the transport that is set up, None where none is."""
    if settings.smtp_host is not None:
        return SmtpTransport(settings)
    if settings.mailbox_dir is not None:
        return Mailbox(settings.mailbox_dir, settings.mailbox_size)
    return None
