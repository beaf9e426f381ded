"""What travels between the list and where it comes from."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Changes:
    """What one look at the source brought. Lifetimes are seconds from now, so clocks may differ.

    `sessions` maps a session to its entry's lifetime, `users` a user to (lowest token_version, lifetime);
    `cursor` is for the next look, which brings what has changed since: the time at which this one began.
    `read_by` is the time at which it was certainly over, in the same form. `age` is how many seconds ago
    the source itself was up to date.
    """

    sessions: Mapping[uuid.UUID, float] = field(default_factory=dict)
    users: Mapping[uuid.UUID, tuple[int, float]] = field(default_factory=dict)
    cursor: str | None = None
    age: float = 0.0
    read_by: str | None = None

    def __bool__(self) -> bool:
        return bool(self.sessions or self.users)

    def __or__(self, later: "Changes") -> "Changes":
        return Changes(
            {**self.sessions, **later.sessions},
            {**self.users, **later.users},
            later.cursor,
            later.age,
            later.read_by,
        )


class Source(Protocol):
    """Where the list comes from: the database, or auth over HTTP."""

    async def changes(self, cursor: str | None) -> Changes:
        """Return everything (without a cursor) or what changed since; any exception is a failed look."""

    async def close(self) -> None:
        """Let go of what was opened: nobody looks any more."""


class Exchange(Protocol):
    """Where services tell each other at once what the next look would bring a little later."""

    async def publish(self, changes: Changes) -> None:
        """Tell the others; never raises, for the source has it all anyway."""
