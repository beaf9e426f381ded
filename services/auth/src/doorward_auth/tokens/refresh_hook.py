"""The hook of a refresh: a session that was opened at an upstream has tokens of it, too."""

import uuid
from enum import StrEnum
from typing import Final, Protocol

FEDERATED: Final = "fed"
"""In `amr`: the session was opened by a login at an upstream. RFC 8176 has no name for it."""


class UpstreamState(StrEnum):
    """The upstream's tokens of a session, the best state first."""

    FRESH = "fresh"
    PENDING = "pending"
    """A refresh at the upstream is under way, or follows."""
    REAUTH_REQUIRED = "reauth_required"


class SessionRefreshHook(Protocol):
    """Runs after the refresh of a session that was opened by a login at an upstream."""

    async def on_refresh(self, session_id: uuid.UUID) -> UpstreamState | None:
        """Return the state of the session's upstream tokens; may raise a DoorwardError."""
