"""Pictures in the database: in every cluster, with its backups, without a service more."""

import uuid
from collections.abc import Sequence

from doorward_identity.avatars import repository
from doorward_identity.avatars.avatar import Avatar, AvatarSize
from doorward_identity.avatars.settings import AvatarStorage
from doorward_kit.unit_of_work import Database


class DatabaseAvatarStore:
    """Stores pictures in their rows."""

    kind = AvatarStorage.DATABASE
    deletes = (AvatarStorage.DATABASE,)

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, avatar_id: uuid.UUID, avatar: Avatar) -> None:
        await self._database.write(lambda connection: repository.set_bytes(connection, avatar_id, avatar))

    async def get(self, avatar_id: uuid.UUID, size: AvatarSize) -> bytes | None:
        return await self._database.read(
            lambda connection: repository.find_bytes(connection, avatar_id, size)
        )

    async def delete(self, avatar_ids: Sequence[uuid.UUID]) -> None:
        """Do nothing: the bytes go with their rows."""
