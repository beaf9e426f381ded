"""Revocation entries, their JSON, and the interface of a source."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal, Protocol, Self

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import to_json

MAX_LIFETIME_SECONDS: Final = 3_660.0
"""The longest lifetime of an access token and the largest leeway: no entry needs to live longer."""

_Lifetime = Annotated[
    float,
    Field(ge=0, allow_inf_nan=False, description="Seconds until the last of these tokens has expired."),
]


@dataclass(frozen=True, slots=True)
class RevocationEntries:
    """Revoked sessions and users. Lifetimes are seconds from now, so that clocks are never compared.

    `sessions` maps a session to the lifetime of its entry, `users` a user to the lowest valid
    `token_version` and the lifetime.
    """

    sessions: Mapping[uuid.UUID, float] = field(default_factory=dict)
    users: Mapping[uuid.UUID, tuple[int, float]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.sessions or self.users)


@dataclass(frozen=True, slots=True)
class FetchedRevocations:
    """The result of one poll. `age` is how many seconds ago the source itself was current."""

    entries: RevocationEntries
    age: float = 0.0


class RevocationSource(Protocol):
    """The identity database, or auth over HTTP."""

    async def fetch(self) -> FetchedRevocations:
        """Return the entries that may be new to the caller, at first all. Any exception is a failed poll."""

    def problem(self) -> str | None:
        """Return why this process should get no traffic although the list was fetched, or None."""

    def warning(self) -> str | None:
        """Return what an operator should look at although tokens are verified, or None."""

    async def close(self) -> None:
        """Close the connections."""


class RevocationPublisher(Protocol):
    """Notifies the other services at once of entries that their next poll would bring."""

    async def publish(self, entries: RevocationEntries) -> None:
        """Notify the other services; never raises, because the source has the entries."""


class RevokedSession(BaseModel):
    """A session whose access tokens are all revoked."""

    type: Literal["session"] = "session"
    id: uuid.UUID
    expires_in: _Lifetime


class RevokedUser(BaseModel):
    """A user whose access tokens with a lower `token_version` are revoked."""

    type: Literal["user"] = "user"
    id: uuid.UUID
    token_version: int = Field(ge=0, lt=2**63)
    expires_in: _Lifetime


class RevocationMessage(BaseModel):
    """Entries as JSON: the message on Redis."""

    items: list[Annotated[RevokedSession | RevokedUser, Field(discriminator="type")]]

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Read JSON; raises ValueError with a message that quotes nothing of the text."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise ValueError(f"no list of revocations ({error.errors()[0]['type']})") from None

    @property
    def entries(self) -> RevocationEntries:
        sessions: dict[uuid.UUID, float] = {}
        users: dict[uuid.UUID, tuple[int, float]] = {}
        for item in self.items:
            lifetime = min(item.expires_in, MAX_LIFETIME_SECONDS)
            if isinstance(item, RevokedUser):
                users[item.id] = (item.token_version, lifetime)
            else:
                sessions[item.id] = lifetime
        return RevocationEntries(sessions, users)


class RevocationListResponse(RevocationMessage):
    """The whole revocation list, and what auth writes into access tokens."""

    next_cursor: None = Field(default=None, description="Always null: the list has one page.")
    issuer: str = Field(description="`iss` of access tokens, as auth has it from `DOORWARD_ISSUER`.")
    audience: str | list[str] = Field(
        description="`aud` of access tokens: `DOORWARD_AUDIENCE` of auth, and those of clients."
    )


def dump_entries(entries: RevocationEntries, **members: str | list[str] | None) -> bytes:
    """Return the JSON of a RevocationMessage, with further members of the object.

    Written without the models, which would take three times as long for a long list.
    """
    items: list[dict[str, object]] = [
        {"type": "session", "id": session, "expires_in": seconds}
        for session, seconds in entries.sessions.items()
    ]
    items += [
        {"type": "user", "id": user, "token_version": version, "expires_in": seconds}
        for user, (version, seconds) in entries.users.items()
    ]
    return to_json({"items": items, **members})
