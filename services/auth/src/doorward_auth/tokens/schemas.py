"""Bodies about tokens."""

import uuid
from datetime import datetime

from pydantic import BaseModel, Field, SecretStr

from doorward_client.tokens import Scalar
from doorward_kit.routing import StrictModel


class RefreshRequest(StrictModel):
    """A refresh token, to be exchanged for a new pair."""

    refresh_token: SecretStr = Field(min_length=1, max_length=256)


class Caller(BaseModel):
    """What the caller's access token says."""

    id: uuid.UUID
    session_id: uuid.UUID
    role: str
    permissions: list[str] = Field(description="What the role permits.")
    issued_at: datetime
    expires_at: datetime
    ext: dict[str, Scalar] | None = Field(
        default=None, description="What the user's upstream says about them, as configured."
    )
