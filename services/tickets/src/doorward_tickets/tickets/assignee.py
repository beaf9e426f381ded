"""Whether a user can be assigned to a ticket."""

import uuid
from typing import NamedTuple, Self

import sqlalchemy as sa

from doorward_client.permissions import Permission, permissions_of
from doorward_tickets.tickets.errors import NotAssignableError
from doorward_tickets.users.repository import find_role
from doorward_tickets.users.users_client import Caller, Profile, UsersClient, UsersUnavailableError


class Candidate(NamedTuple):
    """A user to assign a ticket to, and the profile, if the users service has answered with one."""

    id: uuid.UUID
    profile: Profile | None
    directory_answered: bool

    @classmethod
    async def look_up(cls, user_id: uuid.UUID, caller: Caller, users: UsersClient) -> Self:
        try:
            return cls(user_id, await users.get_profile(user_id, caller), directory_answered=True)
        except UsersUnavailableError:
            return cls(user_id, None, directory_answered=False)

    def require_assignable(self, connection: sa.Connection) -> None:
        """Raise NotAssignableError.

        While the users service is unavailable, the role of the snapshot decides; raises
        UsersUnavailableError if that role is not sufficient, because it may be out of date.
        """
        if self.directory_answered:
            if self.profile is None or not self.profile.is_active or not _can_manage(self.profile.role):
                raise NotAssignableError
        elif not _can_manage(find_role(connection, self.id) or ""):
            raise UsersUnavailableError


def _can_manage(role: str) -> bool:
    return Permission.TICKETS_MANAGE in permissions_of(role)
