"""Whether somebody can be given a ticket."""

import uuid
from typing import NamedTuple, Self

import sqlalchemy as sa

from doorward_client.permissions import Permission, permissions_of
from doorward_tickets.tickets.errors import NotAssignableError
from doorward_tickets.user_snapshots import repository as people_snapshot
from doorward_tickets.user_snapshots.caller import Caller, People
from doorward_tickets.user_snapshots.errors import DirectoryUnavailableError
from doorward_tickets.user_snapshots.users_client import Profile


class Candidate(NamedTuple):
    """Whom an administrator names, and what the directory says of them, if it answers."""

    id: uuid.UUID
    profile: Profile | None
    is_told: bool

    @classmethod
    async def ask(cls, person_id: uuid.UUID, caller: Caller, people: People) -> Self:
        """Ask the directory; while it is away, what is known here must do."""
        try:
            return cls(person_id, await people.somebody(person_id, caller), is_told=True)
        except DirectoryUnavailableError:
            return cls(person_id, None, is_told=False)

    def require_assignable(self, connection: sa.Connection) -> None:
        """Raise NotAssignableError, or DirectoryUnavailableError where nobody can tell."""
        if self.is_told:
            if self.profile is None or not self.profile.is_active or not _can_manage(self.profile.role):
                raise NotAssignableError
        elif not _can_manage(people_snapshot.find_role(connection, self.id) or ""):
            raise DirectoryUnavailableError


def _can_manage(role: str) -> bool:
    return Permission.TICKETS_MANAGE in permissions_of(role)
