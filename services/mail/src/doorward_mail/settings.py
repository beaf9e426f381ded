"""Settings of mail."""

from enum import StrEnum
from pathlib import Path
from typing import Final, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from doorward_client.loopback import is_loopback
from doorward_client.settings import DoorwardSettings, require_together
from doorward_kit.certificates import CaPath
from doorward_mail.email_address import InvalidAddressError, ascii_domain, envelope_address

_DAY: Final = 86_400


class SmtpTls(StrEnum):
    """Encryption of the connection to the mail server."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


_PORTS: Final = {SmtpTls.STARTTLS: 587, SmtpTls.TLS: 465, SmtpTls.NONE: 25}


class MailTransportSettings(DoorwardSettings):
    """Settings by which a service knows whether mail is sent, by itself or by another service."""

    smtp_host: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9.:_-]+$",
        description="Host of the mail server. Without it (and without a mailbox folder) requests that promise"
        " a mail are rejected (`mail_not_configured`), and other mail waits.",
    )
    mailbox_dir: Path | None = Field(
        default=None, description="For development: a folder that mail is written to instead of being sent."
    )

    @property
    def has_mail_transport(self) -> bool:
        return self.smtp_host is not None or self.mailbox_dir is not None


class MailSettings(MailTransportSettings):
    """Settings of services that send mail."""

    smtp_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="Port of the mail server. Default: 587, with `tls` 465, with `none` 25.",
    )
    smtp_tls: SmtpTls = Field(
        default=SmtpTls.STARTTLS,
        description="Encryption: `starttls` (never optional), `tls` from the first byte, or `none`.",
    )
    smtp_ca_file: CaPath | None = Field(
        default=None,
        description="PEM file of the mail server's certificate authority. Default: the system's authorities.",
    )
    smtp_username: str | None = Field(
        default=None, description="User name on the mail server, if it requires authentication."
    )
    smtp_password: SecretStr | None = Field(default=None, description="Password of `DOORWARD_SMTP_USERNAME`.")
    smtp_timeout_seconds: float = Field(
        default=10.0, gt=0, le=300, description="Timeout of one reply of the mail server."
    )
    mail_from: str | None = Field(
        default=None, description="Sender address, also for bounces. Required with `DOORWARD_SMTP_HOST`."
    )
    mail_from_name: str = Field(
        default="Doorward",
        min_length=1,
        max_length=100,
        description="Sender name, also the product's name in the texts.",
    )
    mail_message_id_domain: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*[A-Za-z0-9]$",
        description="Domain in `Message-ID` and EHLO. Default: the domain of `DOORWARD_MAIL_FROM`.",
    )
    mail_templates_dir: Path | None = Field(
        default=None,
        description="Folder with your own templates (`<locale>/<name>.html`, ...); each file replaces the"
        " shipped one.",
    )
    mail_default_locale: str = Field(
        default="en",
        pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$",
        description="Language of mail to users without a known language.",
    )
    mail_concurrency: int = Field(
        default=4, ge=1, le=64, description="Maximum number of mails that one process sends at once."
    )
    mail_poll_seconds: float = Field(
        default=1.0, gt=0, le=60, description="Poll interval for mail that another process enqueued."
    )
    mail_send_timeout_seconds: float = Field(
        default=60.0, ge=1, le=900, description="Timeout of one attempt to send a mail."
    )
    mail_lease_seconds: float = Field(
        default=90.0,
        ge=2,
        le=3600,
        description="Time after which another process retries the mail of a crashed one. Must exceed"
        " `DOORWARD_MAIL_SEND_TIMEOUT_SECONDS`.",
    )
    mail_retry_seconds: float = Field(
        default=5.0, gt=0, le=3600, description="Delay of the second attempt; it doubles up to an hour."
    )
    mail_max_attempts: int = Field(
        default=30, ge=1, le=1000, description="Attempts before a mail is dead-lettered; 30 take about a day."
    )
    mail_max_age_seconds: int = Field(
        default=4 * _DAY, ge=60, description="Maximum age before an undelivered mail is dead-lettered."
    )
    mail_dead_letter_retention_days: int = Field(
        default=30, ge=1, description="Days until a dead letter is deleted."
    )
    mailbox_size: int = Field(
        default=200, ge=1, description="Number of mails kept in `DOORWARD_MAILBOX_DIR`."
    )

    @field_validator("mail_from")
    @classmethod
    def _check_mail_from(cls, value: str | None) -> str | None:
        if value is not None and not _is_sender(value):
            raise ValueError(
                "is not an email address with an ASCII local part (no-reply@example.com); the sender name"
                " belongs into DOORWARD_MAIL_FROM_NAME"
            )
        return value

    @field_validator("mail_templates_dir")
    @classmethod
    def _check_mail_templates_dir(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_dir():
            raise ValueError(f"names a folder that does not exist: {value}")
        return value

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        if self.smtp_host is not None and self.mailbox_dir is not None:
            raise ValueError("DOORWARD_SMTP_HOST and DOORWARD_MAILBOX_DIR are both set; set only one of them")
        if self.smtp_host is not None and self.mail_from is None:
            raise ValueError("DOORWARD_SMTP_HOST is set but DOORWARD_MAIL_FROM, the sender address, is not")
        require_together(smtp_username=self.smtp_username, smtp_password=self.smtp_password)
        if self.smtp_tls is SmtpTls.NONE:
            self._check_without_tls()
        if self.mail_lease_seconds < self.mail_send_timeout_seconds + 1:
            raise ValueError(
                "DOORWARD_MAIL_LEASE_SECONDS must exceed DOORWARD_MAIL_SEND_TIMEOUT_SECONDS by at least one"
                " second, or two processes would send the same mail"
            )
        return self

    def _check_without_tls(self) -> None:
        if self.smtp_ca_file is not None:
            raise ValueError("DOORWARD_SMTP_CA_FILE has no effect with DOORWARD_SMTP_TLS=none")
        if self.smtp_password is not None and not is_loopback(self.smtp_host or ""):
            raise ValueError(
                "DOORWARD_SMTP_TLS=none would send DOORWARD_SMTP_PASSWORD in cleartext; use starttls or tls"
            )

    @property
    def sender(self) -> str:
        return self.mail_from or "doorward@localhost"

    @property
    def message_id_domain(self) -> str:
        """The part after the @ of a Message-ID."""
        return self.mail_message_id_domain or ascii_domain(self.sender.rpartition("@")[2])

    @property
    def effective_smtp_port(self) -> int:
        return self.smtp_port or _PORTS[self.smtp_tls]


def _is_sender(text: str) -> bool:
    try:
        return envelope_address(text).isascii()
    except InvalidAddressError:
        return False
