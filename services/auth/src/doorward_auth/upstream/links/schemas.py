"""Bodies about a user's links to upstreams."""

from datetime import datetime

from pydantic import BaseModel, Field

from doorward_auth.upstream.links.state import LinkState


class UpstreamLink(BaseModel):
    """A link of the caller to an upstream."""

    provider: str = Field(examples=["theapi"])
    username: str | None = Field(description="The user name at the upstream.")
    linked_at: datetime
    state: LinkState
    last_error: str | None = Field(description="Why the last refresh failed.", examples=["unreachable"])
    last_refreshed_at: datetime | None
    access_expires_at: datetime | None


class UpstreamLinks(BaseModel):
    """Every link of the caller, and the upstreams that there are."""

    providers: list[str] = Field(description="The names of all upstreams of this installation.")
    items: list[UpstreamLink]


class UpstreamAccessToken(BaseModel):
    """A valid access token of the upstream. Its refresh token never leaves this service."""

    access_token: str
    token_type: str = Field(examples=["Bearer"])
    expires_in: int | None = Field(description="Seconds; null if the upstream has not said.")
