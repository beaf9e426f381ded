"""An event, and its form in a stream of `text/event-stream` (HTML standard, section 9.2)."""

import random
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Self

from doorward_client.tokens import Claims
from doorward_kit.responses import to_json

KEEPALIVE: Final = b": keep\n\n"

MAX_DATA_BYTES: Final = 1_000
"""Longest data of a published event: as much as its column holds."""

_RETRY_MILLISECONDS: Final = (2_000, 4_000)
"""Clients reconnect at different times, or a rollout would bring all of them at once."""


class EventName(StrEnum):
    """The events that a client can get."""

    STATE = "state"
    """Always the first: what is true now."""
    TOKEN_EXPIRING = "token.expiring"  # noqa: S105 - an event, not a secret
    TOKEN_REFRESHED = "token.refreshed"  # noqa: S105 - an event, not a secret
    """An upstream's access token was renewed: `provider`, `access_expires_at`."""
    UPSTREAM_REAUTH_REQUIRED = "upstream.reauth_required"
    """An upstream's grant has ended: `provider`, `reason`. The user must log in there again."""
    TOKEN_EXPIRED = "token.expired"  # noqa: S105 - an event, not a secret
    TOKEN_REVOKED = "token.revoked"  # noqa: S105 - an event, not a secret
    """The access token is revoked and the session lives: refresh it."""
    SESSION_ENDED = "session.ended"
    BYE = "bye"
    """The stream ends for a reason of the server: connect again."""


@dataclass(frozen=True, slots=True)
class Event:
    """A name and its data as a JSON object."""

    name: str
    data: bytes

    @classmethod
    def of(cls, name: EventName, **data: object) -> Self:
        """Return an event; `data` are JSON values, UUIDs and aware times."""
        return cls(name.value, to_json(data))

    @property
    def frame(self) -> bytes:
        """The bytes of the event in a stream. JSON has no line breaks."""
        return b"event: %b\ndata: %b\n\n" % (self.name.encode("ascii"), self.data)


@dataclass(frozen=True, slots=True)
class PublishedEvent:
    """An event with its recipients: the streams of a session, or without one all of the user."""

    id: uuid.UUID
    user_id: uuid.UUID
    session_id: uuid.UUID | None
    event: Event


def retry_frame() -> bytes:
    """Return the pause, in milliseconds, after which the client should reconnect."""
    return b"retry: %d\n" % random.randint(*_RETRY_MILLISECONDS)  # noqa: S311 - no secret


def expiry_of(caller: Claims) -> datetime:
    """Return when an access token expires."""
    return datetime.fromtimestamp(caller.expires_at, UTC)
