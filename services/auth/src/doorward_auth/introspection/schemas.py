"""Bodies of introspection."""

import uuid
from typing import Any, Final

from pydantic import BaseModel, Field

TOKEN_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["token"],
    "properties": {
        "token": {"type": "string", "description": "An access token or a refresh token."},
        "token_type_hint": {"type": "string", "description": "Not needed: the two look different."},
    },
}


class Introspection(BaseModel):
    """RFC 7662 section 2.2. Of a token that does not count, `active` is all there is to know."""

    active: bool
    token_type: str | None = Field(default=None, description="`Bearer` or `refresh_token`.")
    iss: str | None = None
    aud: str | None = None
    sub: uuid.UUID | None = Field(default=None, description="The user's id.")
    sid: uuid.UUID | None = Field(default=None, description="The session's id.")
    jti: str | None = None
    iat: int | None = Field(default=None, description="When it was issued, Unix seconds.")
    exp: int | None = Field(default=None, description="When it expires, Unix seconds.")
    role: str | None = None
