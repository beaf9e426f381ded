"""Events about grants, which contain no token."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from doorward_auth.upstream.grants.models import EndReason


@dataclass(frozen=True, slots=True)
class GrantRefreshed:
    """A grant has a new access token."""

    user_id: uuid.UUID
    session_id: uuid.UUID | None
    provider: str
    access_expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReauthRequired:
    """The user must log in at the upstream again."""

    user_id: uuid.UUID
    session_id: uuid.UUID | None
    provider: str
    reason: EndReason


GrantEvent = GrantRefreshed | ReauthRequired


class GrantListener(Protocol):
    """Receives events on the event loop, after their commit. It must return at once, and raise nothing."""

    def notify(self, event: GrantEvent) -> None: ...


class NoListener:
    """Receives nothing."""

    def notify(self, event: GrantEvent) -> None:
        """Drop the event."""
