"""Settings of mail."""

import ipaddress
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from doorward_client.settings import DoorwardSettings
from doorward_mail.email_address import InvalidAddressError, ascii_domain, envelope_address

_DAY: Final = 86_400


class SmtpTls(StrEnum):
    """How the connection to the mail server is protected."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


_PORTS: Final = {SmtpTls.STARTTLS: 587, SmtpTls.TLS: 465, SmtpTls.NONE: 25}


class MailSettings(DoorwardSettings):
    """How mail is sent, and what it looks like."""

    smtp_host: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9.:_-]+$",
        description="The mail server. Without one, and without a mailbox folder, mail waits in the outbox.",
    )
    smtp_port: int | None = Field(
        default=None, ge=1, le=65535, description="Its port; none: 587, with `tls` 465, with `none` 25."
    )
    smtp_tls: SmtpTls = Field(
        default=SmtpTls.STARTTLS,
        description="`starttls` (required, not tried), `tls` from the first byte, or `none`.",
    )
    smtp_ca_file: Path | None = Field(
        default=None,
        description="PEM file of the authority that its certificate is verified by; none: the system's.",
    )
    smtp_username: str | None = Field(
        default=None, description="Account on the mail server, if it wants one."
    )
    smtp_password: SecretStr | None = Field(default=None, description="Its password.")
    smtp_timeout_seconds: float = Field(
        default=10.0, gt=0, le=300, description="Longest wait for one answer of the mail server."
    )
    mail_from: str | None = Field(default=None, description="Address that mail comes from and bounces to.")
    mail_from_name: str = Field(
        default="Doorward", min_length=1, max_length=100, description="Name beside it, and in the texts."
    )
    mail_message_id_domain: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*[A-Za-z0-9]$",
        description="Domain in `Message-ID` and in the greeting; none: the one that mail comes from.",
    )
    mail_templates_dir: Path | None = Field(
        default=None,
        description="Folder of your own texts, `<locale>/<name>.html` and so on; each replaces the one"
        " shipped.",
    )
    mail_default_locale: str = Field(
        default="en",
        pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$",
        description="Language of mail to people of whom no other is known.",
    )
    mail_concurrency: int = Field(default=4, ge=1, le=64, description="Mails that one process sends at once.")
    mail_poll_seconds: float = Field(
        default=1.0, gt=0, le=60, description="How often to look for mail that another process has written."
    )
    mail_send_timeout_seconds: float = Field(
        default=60.0, ge=1, le=900, description="Longest time for sending one mail, all in all."
    )
    mail_lease_seconds: float = Field(
        default=90.0,
        ge=2,
        le=3600,
        description="After a crash, how long until another process takes over; longer than sending takes.",
    )
    mail_retry_seconds: float = Field(
        default=5.0, gt=0, le=3600, description="Wait before the second attempt; doubles up to an hour."
    )
    mail_max_attempts: int = Field(
        default=30, ge=1, le=1000, description="Attempts until a mail is a dead letter: 30 take about a day."
    )
    mail_max_age_seconds: int = Field(
        default=4 * _DAY, ge=60, description="Age at which it is one, though the mail server was never there."
    )
    mail_dead_letter_retention_days: int = Field(
        default=30, ge=1, description="How long dead letters are kept for administrators."
    )
    mailbox_dir: Path | None = Field(
        default=None, description="For development: a folder to write mail to instead of sending it."
    )
    mailbox_size: int = Field(default=200, ge=1, description="Mails kept there.")

    @field_validator("mail_from")
    @classmethod
    def _mail_from_is_an_address(cls, value: str | None) -> str | None:
        if value is not None and not _is_sender(value):
            raise ValueError(
                "is not an address with an ASCII name (no-reply@example.com); the name beside it is"
                " DOORWARD_MAIL_FROM_NAME"
            )
        return value

    @field_validator("smtp_ca_file")
    @classmethod
    def _smtp_ca_file_is_there(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError(f"names a file that is not there: {value}")
        return value

    @field_validator("mail_templates_dir")
    @classmethod
    def _mail_templates_dir_is_there(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_dir():
            raise ValueError(f"names a folder that is not there: {value}")
        return value

    @model_validator(mode="after")
    def _mail_can_be_sent(self) -> Self:
        if self.smtp_host is not None and self.mailbox_dir is not None:
            raise ValueError(
                "DOORWARD_SMTP_HOST and DOORWARD_MAILBOX_DIR are both set: mail goes to one of them"
            )
        if self.smtp_host is not None and self.mail_from is None:
            raise ValueError(
                "DOORWARD_SMTP_HOST is set and DOORWARD_MAIL_FROM is not: an address to send from"
            )
        if (self.smtp_username is None) != (self.smtp_password is None):
            raise ValueError("DOORWARD_SMTP_USERNAME and DOORWARD_SMTP_PASSWORD go together")
        if self.smtp_tls is SmtpTls.NONE:
            self._require_no_secret_in_clear()
        if self.mail_lease_seconds < self.mail_send_timeout_seconds + 1:
            raise ValueError(
                "DOORWARD_MAIL_LEASE_SECONDS must exceed DOORWARD_MAIL_SEND_TIMEOUT_SECONDS by a second:"
                " two processes would send the same mail"
            )
        return self

    def _require_no_secret_in_clear(self) -> None:
        if self.smtp_ca_file is not None:
            raise ValueError("DOORWARD_SMTP_CA_FILE verifies nothing with DOORWARD_SMTP_TLS=none")
        if self.smtp_password is not None and not _is_loopback(self.smtp_host or ""):
            raise ValueError(
                "DOORWARD_SMTP_TLS=none would send DOORWARD_SMTP_PASSWORD in clear: use starttls or tls"
            )

    @property
    def sender(self) -> str:
        """The address that mail comes from."""
        return self.mail_from or "doorward@localhost"

    @property
    def message_id_domain(self) -> str:
        """What stands behind the @ of a Message-ID."""
        return self.mail_message_id_domain or ascii_domain(self.sender.rpartition("@")[2])

    @property
    def effective_smtp_port(self) -> int:
        """The port that is set, or the usual one."""
        return self.smtp_port or _PORTS[self.smtp_tls]


def _is_sender(text: str) -> bool:
    try:
        return envelope_address(text).isascii()
    except InvalidAddressError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
