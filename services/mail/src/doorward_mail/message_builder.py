"""Messages as RFC 5322 wants them, whatever names and subjects hold."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from doorward_mail.content import Texts, header_text
from doorward_mail.email_address import InvalidAddressError, envelope_address
from doorward_mail.outbox_queries import LeasedMail
from doorward_mail.settings import MailSettings
from doorward_mail.transport import DeliveryError, Failure, Message

# 7 bit: no server on the way has to re-encode, or to say that it can take more.
_ASCII: Final = SMTP.clone(cte_type="7bit")
_UTF8: Final = SMTP.clone(cte_type="7bit", utf8=True)

_HEADERS: Final = (
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
)


class MessageComposer:
    """Makes messages from texts, all from one sender."""

    def __init__(self, settings: MailSettings) -> None:
        self._sender = envelope_address(settings.sender)
        self._from = Address(header_text(settings.mail_from_name), addr_spec=self._sender)
        self._domain = settings.message_id_domain

    def compose(self, mail: LeasedMail, texts: Texts, *, is_unique: bool) -> Message:
        """Make the message of a leased mail that has a recipient; raises DeliveryError.

        The Message-ID is the row's id, so a mail that was sent twice is known by it. `is_unique`
        adds the lease: the next attempt of a mail with a code has another code, and is another
        message (RFC 5322 section 3.6.4), which no mailbox may drop as a duplicate.
        """
        try:
            recipient = envelope_address(mail.recipient or "")
        except InvalidAddressError:
            raise DeliveryError(Failure.ADDRESS, is_permanent=True) from None
        local, _, domain = recipient.rpartition("@")
        is_utf8 = not recipient.isascii()
        identity = f"{mail.id}.{mail.lease_id.hex[:12]}" if is_unique else str(mail.id)

        message = EmailMessage(policy=_UTF8 if is_utf8 else _ASCII)
        message["From"] = self._from
        # Without a name: people choose theirs, and an address needs none.
        message["To"] = Address(username=local, domain=domain)
        message["Subject"] = header_text(texts.subject)
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = f"<{identity}@{self._domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notice comes back
        message.set_content(texts.text, cte="quoted-printable")
        message.add_alternative(texts.html, subtype="html", cte="quoted-printable")
        content = message.as_bytes()
        _require_headers(content, _HEADERS)
        return Message(mail.id, self._sender, recipient, content, is_utf8)


def _require_headers(content: bytes, names: Sequence[str]) -> None:
    """Raise ValueError unless the header has these fields once each, and no other line."""
    header, _, _ = content.partition(b"\r\n\r\n")
    lines = [line for line in header.split(b"\r\n") if line[:1] not in {b" ", b"\t"}]
    found = [line.partition(b":")[0].decode("ascii", "replace") for line in lines]
    if sorted(found) != sorted(names) or re.search(rb"\r(?!\n)|(?<!\r)\n", header):
        raise ValueError("the message's header is not the one that was meant")
