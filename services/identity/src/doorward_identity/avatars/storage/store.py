"""The interface of a storage of pictures."""

import uuid
from collections.abc import Collection, Sequence
from typing import Protocol

from doorward_identity.avatars.avatar import Avatar, AvatarSize
from doorward_identity.avatars.settings import AvatarStorage


class AvatarStore(Protocol):
    """Stores the bytes of pictures whose rows are there (avatars/repository.py).

    `kind` is the storage of its pictures, and `deletes` are those whose pictures it can delete: pictures of a
    storage that is not configured wait until it is. Every method raises StorageUnavailableError or, for the
    database, its errors.
    """

    @property
    def kind(self) -> AvatarStorage: ...

    @property
    def deletes(self) -> Collection[AvatarStorage]: ...

    async def put(self, avatar_id: uuid.UUID, avatar: Avatar) -> None:
        """Store both sizes."""

    async def get(self, avatar_id: uuid.UUID, size: AvatarSize) -> bytes | None:
        """Read one size; None if there is none."""

    async def delete(self, avatar_ids: Sequence[uuid.UUID]) -> None:
        """Delete what is stored outside the rows, whether or not it is there."""
