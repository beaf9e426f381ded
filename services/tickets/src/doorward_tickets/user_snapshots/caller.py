"""Who acts on tickets, as the directory sees it now."""

import uuid
from dataclasses import dataclass, field

from doorward_client.bearer_auth import InvalidAccessTokenError
from doorward_client.tokens import Claims
from doorward_tickets.user_snapshots.errors import DirectoryUnavailableError
from doorward_tickets.user_snapshots.users_client import Directory, Profile


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sends a request that changes something: the claims and the header that proved them.

    `locale` is the language that they like to read, empty if they do not say.
    """

    claims: Claims
    authorization: str = field(repr=False)
    locale: str = ""


class People:
    """Learns about people from the directory when they act."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def standing(self, caller: Caller) -> list[Profile]:
        """Return the caller's profile, to be remembered; nothing while the directory is away.

        Raises InvalidAccessTokenError for whoever has been deleted, disabled or given another role since
        the token was issued: a change asks, since the list of revoked tokens may be seconds old.
        """
        try:
            profile = await self._directory.find("me", caller.authorization)
        except DirectoryUnavailableError:
            return []
        if profile is None or not profile.is_active or profile.role != caller.claims.role:
            raise InvalidAccessTokenError
        return [profile.model_copy(update={"locale": caller.locale})]

    async def somebody(self, person_id: uuid.UUID, caller: Caller) -> Profile | None:
        """Return the profile of somebody else, None for nobody; raises DirectoryUnavailableError."""
        return await self._directory.find(str(person_id), caller.authorization)
