"""Bodies of logging in and refreshing."""

import uuid
from datetime import datetime

from pydantic import BaseModel, Field, SecretStr

from doorward_kit.routing import StrictModel


class LoginRequest(StrictModel):
    """Somebody's claim to be the owner of an account."""

    email: str = Field(min_length=1, max_length=320, examples=["ada@example.com"])
    password: SecretStr = Field(min_length=1, max_length=1024)
    device_token: SecretStr | None = Field(
        default=None,
        max_length=128,
        description="Of an earlier login. A device that is known is not slowed down by what strangers try.",
    )


class RefreshRequest(StrictModel):
    """A refresh token, to be exchanged."""

    refresh_token: SecretStr = Field(min_length=1, max_length=256)


class TokenResponse(BaseModel):
    """RFC 6749 section 5.1, with the refresh token's own lifetime. Times are in seconds."""

    access_token: str
    token_type: str = Field(examples=["Bearer"])
    expires_in: int = Field(examples=[300])
    refresh_token: str
    refresh_expires_in: int = Field(examples=[1_209_600])
    device_token: str | None = Field(
        default=None, description="To keep and to send with the next login; with a login from a new device."
    )


class Caller(BaseModel):
    """What the caller's access token says."""

    id: uuid.UUID
    session_id: uuid.UUID
    role: str
    permissions: list[str] = Field(description="What the role permits.")
    issued_at: datetime
    expires_at: datetime
