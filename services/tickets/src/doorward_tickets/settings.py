"""Settings of the tickets service."""

from collections.abc import Sequence

from pydantic import Field

from doorward_client.settings import DoorwardSettings
from doorward_kit.settings import ServiceSettings
from doorward_mail.settings import MailSettings


class TicketOptions(DoorwardSettings):
    """Settings of tickets that also apply in the one-process server."""

    idempotency_seconds: int = Field(
        default=86_400,
        ge=60,
        le=2_592_000,
        description="How long a response is stored for repeated requests with its `Idempotency-Key`.",
    )
    users_timeout_seconds: float = Field(
        default=1.0,
        gt=0,
        le=10,
        description="Timeout of the users service. If it is unavailable, tickets uses the token and the names"
        " that it has stored.",
    )
    deleted_users_poll_seconds: float = Field(
        default=3.0, gt=0, le=3600, description="Interval at which auth is polled for deleted users."
    )
    notification_interval_seconds: int = Field(
        default=900,
        ge=1,
        le=86_400,
        description="Minimum interval between two mails of a type about a ticket to a user. Events in between"
        " are collected in the next mail.",
    )
    tickets_per_hour: int = Field(
        default=60,
        ge=1,
        le=1_000_000,
        description="Tickets that a user may create in an hour. The five limits do not apply to users who can"
        " manage tickets.",
    )
    replies_per_hour: int = Field(
        default=200, ge=1, le=1_000_000, description="Replies that a user may write in an hour."
    )
    tickets_per_user: int = Field(
        default=10_000, ge=1, le=1_000_000, description="Tickets of a user that are stored at a time."
    )
    ticket_bytes_per_user: int = Field(
        default=104_857_600,
        ge=65_536,
        le=2**50,
        description="Bytes of text (UTF-8) in tickets and replies of a user that are stored at a time.",
    )
    replies_per_ticket: int = Field(
        default=1_000, ge=1, le=1_000_000, description="Number of replies past which users cannot reply."
    )
    ticket_retention_days: int = Field(
        default=0,
        ge=0,
        le=36_500,
        description="Days after which a closed ticket is deleted, with its replies. 0 keeps tickets forever.",
    )


class TicketsSettings(MailSettings, ServiceSettings, TicketOptions):
    """Settings of the tickets service as a process of its own."""

    users_url: str = Field(
        pattern=r"^https?://[^?#\s]+[^/?#\s]$",
        description="URL of the users service (`http://users:8000/api/v1/users`).",
    )
    frontend_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^?#\s]+[^/?#\s]$",
        description="URL of your application for links in mails; `/tickets/<id>` is appended. Without it,"
        " mails have no links.",
    )

    @property
    def peer_urls(self) -> Sequence[str]:
        """Return the URLs of auth and users: users is called with the first ticket only."""
        return [*super().peer_urls, self.users_url]
