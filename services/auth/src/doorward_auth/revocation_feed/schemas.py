"""Bodies about revocations."""

import uuid

from pydantic import BaseModel, Field


class RevokedSession(BaseModel):
    """A session whose access tokens are dead."""

    id: uuid.UUID
    expires_in: float = Field(description="Seconds until the last of its tokens has expired by itself.")


class RevokedUser(BaseModel):
    """A user whose access tokens of an token_version before `token_version` are dead."""

    id: uuid.UUID
    token_version: int
    expires_in: float


class RevocationListResponse(BaseModel):
    """What the list of revoked tokens grew by since `after`, or all of it."""

    sessions: list[RevokedSession]
    users: list[RevokedUser]
    cursor: str | None = Field(description="`after` of the next request.")
