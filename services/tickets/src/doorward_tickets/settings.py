"""Settings of the tickets service."""

from pydantic import Field

from doorward_common.settings import DoorwardSettings, ServiceSettings


class TicketOptions(DoorwardSettings):
    """What the tickets service can be told wherever it runs."""

    idempotency_seconds: int = Field(
        default=86_400,
        ge=60,
        le=2_592_000,
        description="How long a request that is repeated with its `Idempotency-Key` is recognised.",
    )
    directory_timeout_seconds: float = Field(
        default=1.0,
        gt=0,
        le=10,
        description="Longest wait for the users service, which tells who writes; without it, tickets goes by"
        " the token and what it knew.",
    )


class TicketsSettings(ServiceSettings, TicketOptions):
    """What the tickets service needs to know besides what every service does."""

    users_url: str = Field(
        pattern=r"^https?://[^?#\s]+[^/?#\s]$",
        description="Where the users service answers (`http://users:8000/api/v1/users`): for the names beside"
        " tickets.",
    )
