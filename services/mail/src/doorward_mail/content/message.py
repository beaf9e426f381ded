"""Content of a mail, and the RFC 5322 message made of it, safe for any name or subject."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address, HeaderRegistry, MessageIDHeader
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from doorward_mail.content.quoting import one_line
from doorward_mail.email_address import InvalidAddressError, envelope_address
from doorward_mail.outbox.leases import LeasedMail
from doorward_mail.settings import MailSettings
from doorward_mail.transport.base import DeliveryError, Failure, Message

# Other structured headers are folded as words, and a long id would become an encoded word.
_REGISTRY: Final = HeaderRegistry()
for _name in ("In-Reply-To", "References"):
    _REGISTRY.map_to_type(_name, MessageIDHeader)  # type: ignore[arg-type]  # typeshed: a mixin is no header

# 7 bit, so that no server on the way has to re-encode.
_ASCII: Final = SMTP.clone(cte_type="7bit", header_factory=_REGISTRY)
_UTF8: Final = _ASCII.clone(utf8=True)

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
_CONVERSATION_HEADERS: Final = ("In-Reply-To", "References")


@dataclass(frozen=True, slots=True)
class MailContent:
    """The content of a mail, rendered in one language.

    Mails with the same `conversation` are one in mail programs. It is the left side of a message id.
    """

    subject: str
    text: str
    html: str
    conversation: str | None = None


def header_text(text: str) -> str:
    """Return text that is safe in a header.

    Python's header parser decodes encoded words (RFC 2047) in text that is assigned to a header. Before
    3.11.10 it writes a line break that was inside one as it is: a subject with `=?utf-8?q?=0A?=` then
    starts a header of its own.
    """
    return one_line(text).replace("=?", "= ?")


class MessageBuilder:
    """Builds messages, all from one sender."""

    def __init__(self, settings: MailSettings) -> None:
        self._sender = envelope_address(settings.sender)
        self._from = Address(header_text(settings.mail_from_name), addr_spec=self._sender)
        self._domain = settings.message_id_domain

    def build(self, mail: LeasedMail, content: MailContent) -> Message:
        """Build the message of a leased mail that has a recipient; raises DeliveryError.

        The Message-ID is the row's id in each attempt, so that mailboxes drop a second copy. No text is lost
        with a copy: each attempt carries the same code (docs/adr/0025-registration.md), and later events of
        a ticket have a mail of their own.

        A conversation has an id that no mail has, and every mail of it refers to that id (RFC 5322 section
        3.6.4). So it needs no memory of the mails that were sent, and none of them may be missing.
        """
        try:
            recipient = envelope_address(mail.recipient or "")
        except InvalidAddressError:
            raise DeliveryError(Failure.ADDRESS, is_permanent=True) from None
        local, _, domain = recipient.rpartition("@")
        is_utf8 = not recipient.isascii()

        message = EmailMessage(policy=_UTF8 if is_utf8 else _ASCII)
        message["From"] = self._from
        # Without a name: users choose theirs, and the address suffices.
        message["To"] = Address(username=local, domain=domain)
        message["Subject"] = header_text(content.subject)
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = f"<{mail.id}@{self._domain}>"
        if content.conversation is not None:
            for name in _CONVERSATION_HEADERS:
                message[name] = f"<{content.conversation}@{self._domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: suppresses vacation replies
        message.set_content(content.text, cte="quoted-printable")
        message.add_alternative(content.html, subtype="html", cte="quoted-printable")
        raw = message.as_bytes()
        more = () if content.conversation is None else _CONVERSATION_HEADERS
        _require_headers(raw, (*_HEADERS, *more))
        return Message(mail.id, self._sender, recipient, raw, is_utf8)


def _require_headers(content: bytes, names: Sequence[str]) -> None:
    """Raise ValueError unless the header has these fields once each, and no other line."""
    header, _, _ = content.partition(b"\r\n\r\n")
    lines = [line for line in header.split(b"\r\n") if line[:1] not in {b" ", b"\t"}]
    found = [line.partition(b":")[0].decode("ascii", "replace") for line in lines]
    if sorted(found) != sorted(names) or re.search(rb"\r(?!\n)|(?<!\r)\n", header):
        raise ValueError("the message's header has other fields than the ones that were set")
