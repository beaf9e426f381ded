"""Claims of a verified access token, without a token."""

import time
import uuid
from typing import Any

from doorward_client.tokens import Claims


def claims_of(
    user_id: uuid.UUID | None = None, session_id: uuid.UUID | None = None, **changes: Any
) -> Claims:
    """Return valid claims of a user without permissions: a new user and session if none is given."""
    now = int(time.time())
    values: dict[str, Any] = {
        "user_id": user_id or uuid.uuid4(),
        "session_id": session_id or uuid.uuid4(),
        "token_id": "token",
        "role": "user",
        "token_version": 0,
        "issued_at": now,
        "expires_at": now + 300,
        "permissions": frozenset(),
    }
    return Claims(**{**values, **changes})
