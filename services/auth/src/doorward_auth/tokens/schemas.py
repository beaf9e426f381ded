"""Bodies about tokens."""

import uuid
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, Field, SecretStr

from doorward_auth.grant_types import REFRESH_TOKEN
from doorward_client.tokens import Scalar
from doorward_kit.routing import StrictModel

REFRESH_FORM: Final[dict[str, Any]] = {
    "title": "RefreshForm",
    "type": "object",
    "required": ["refresh_token"],
    "properties": {
        "grant_type": {"type": "string", "const": REFRESH_TOKEN},
        "refresh_token": {"type": "string", "minLength": 1, "maxLength": 256},
    },
}
"""RFC 6749 section 6, for OpenAPI. Here `grant_type` may be left out."""


class RefreshRequest(StrictModel):
    """A refresh token, to be exchanged for a new pair."""

    refresh_token: SecretStr = Field(min_length=1, max_length=256, examples=["dwr_..."])


class Caller(BaseModel):
    """The content of the caller's access token."""

    id: uuid.UUID
    session_id: uuid.UUID
    role: str
    permissions: list[str] = Field(description="What the role permits.")
    issued_at: datetime
    expires_at: datetime
    ext: dict[str, Scalar] | None = Field(
        default=None, description="What the user's upstream says about them, as configured."
    )
