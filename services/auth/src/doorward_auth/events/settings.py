"""Settings of event streams."""

from pydantic import Field

from doorward_client.settings import DoorwardSettings


class EventSettings(DoorwardSettings):
    """Limits and times of `GET /events`."""

    events_max_streams: int = Field(
        default=2_000, ge=1, le=100_000, description="Open event streams of this process."
    )
    events_max_streams_per_session: int = Field(
        default=4, ge=1, le=100, description="Open event streams of a session in this process."
    )
    events_max_streams_per_user: int = Field(
        default=40, ge=1, le=1_000, description="Open event streams of a user in this process."
    )
    events_keepalive_seconds: float = Field(
        default=15.0,
        gt=0,
        le=25,
        description="Silence after which an event stream gets a comment, so that proxies keep it. Less than"
        " half of their timeouts; HAProxy and NGINX here end a silent stream after 30 s.",
    )
    events_max_seconds: float = Field(
        default=3_600.0,
        gt=0,
        le=86_400,
        description="An event stream ends after this time, and the client reconnects. It also ends with its"
        " access token. Set it below the limit of a gateway that bounds the time of a request.",
    )
