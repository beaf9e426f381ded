"""Settings of the tickets service."""

from pydantic import Field

from doorward_client.settings import DoorwardSettings
from doorward_kit.settings import ServiceSettings
from doorward_mail.settings import MailSettings


class TicketOptions(DoorwardSettings):
    """What the tickets service can be told wherever it runs."""

    idempotency_seconds: int = Field(
        default=86_400,
        ge=60,
        le=2_592_000,
        description="How long a request that is repeated with its `Idempotency-Key` is recognised.",
    )
    users_timeout_seconds: float = Field(
        default=1.0,
        gt=0,
        le=10,
        description="Longest wait for the users service, which tells who writes; without it, tickets goes by"
        " the token and what it knew.",
    )
    deleted_users_poll_seconds: float = Field(
        default=3.0, gt=0, le=3600, description="How often auth is asked who was deleted."
    )
    notification_interval_seconds: int = Field(
        default=900,
        ge=1,
        le=86_400,
        description="At most one mail of a kind about a ticket goes to somebody in this time; what happens"
        " meanwhile is in the next.",
    )


class TicketsSettings(MailSettings, ServiceSettings, TicketOptions):
    """What the tickets service needs to know besides what every service does."""

    users_url: str = Field(
        pattern=r"^https?://[^?#\s]+[^/?#\s]$",
        description="Where the users service answers (`http://users:8000/api/v1/users`): for the names beside"
        " tickets.",
    )
    frontend_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^?#\s]+[^/?#\s]$",
        description="Where your application is, for links in mails: `/tickets/<id>` is appended. None: mails"
        " carry no links.",
    )
