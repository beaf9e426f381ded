"""Bodies about sessions."""

import uuid
from datetime import datetime

from pydantic import BaseModel, Field


class Session(BaseModel):
    """A place where the caller is logged in."""

    id: uuid.UUID
    current: bool = Field(description="Whether this request was made with it.")
    device: str = Field(description="The user agent of the login.")
    ip: str = Field(description="The address of the login.")
    created_at: datetime
    last_used_at: datetime = Field(description="When it was last refreshed.")
    expires_at: datetime = Field(description="When it ends, unless it is refreshed before.")


class SessionList(BaseModel):
    """Every live session of the caller, the one used last first."""

    items: list[Session]
