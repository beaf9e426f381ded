"""The life of a picture, from the upload to the deletion. The rule is repository.py's."""

import asyncio
import hashlib
import uuid
from collections.abc import Sequence
from typing import Final

import structlog
import uuid_utils.compat as uuid7s

from doorward_client.errors import DoorwardError
from doorward_identity.avatars import repository
from doorward_identity.avatars.avatar import Avatar, AvatarReference, AvatarSize
from doorward_identity.avatars.rendering.renderer import AvatarRenderer
from doorward_identity.avatars.settings import AvatarSettings
from doorward_identity.avatars.storage import create_store
from doorward_kit.metrics import Metrics
from doorward_kit.recent_jobs import Charge
from doorward_kit.unit_of_work import Database

log = structlog.get_logger(__name__)

_DIGEST_LENGTH: Final = 16
_DISCARD_SECONDS: Final = 2.0
"""Because the caller waits for the answer."""

_DELETED_AT_ONCE: Final = 20
"""Few, because each may be a request to the storage, and an interrupted round begins anew."""


class Avatars:
    """Renders pictures, stores them, and deletes those without a user."""

    def __init__(self, settings: AvatarSettings, database: Database, metrics: Metrics) -> None:
        self._database = database
        self._renderer = AvatarRenderer(metrics)
        self._store = create_store(settings, database)

    async def render(self, data: bytes, charge: Charge) -> Avatar:
        """Return the picture of an uploaded file; raises an error of IMAGE_ERRORS, OverloadedError."""
        return await self._renderer.render(data, charge)

    async def add(self, avatar: Avatar) -> AvatarReference:
        """Store a picture that ends in an hour, unless a transaction keeps it (repository.keep).

        Raises StorageUnavailableError, DatabaseUnavailableError, OverloadedError.
        """
        digest = hashlib.sha256(avatar.large).digest()[:_DIGEST_LENGTH]
        reference = AvatarReference(uuid7s.uuid7(), digest)
        await self._database.write(
            lambda connection: repository.insert(connection, reference, self._store.kind)
        )
        await self._store.put(reference.id, avatar)
        return reference

    async def add_waiting(self, avatar: Avatar) -> AvatarReference | None:
        """Store the picture of a registration; None if too many wait. Raises as `add` does."""
        if not await self._database.read(repository.may_wait):
            log.warning("avatar.waiting_limit_reached", limit=repository.MAX_WAITING)
            return None
        return await self.add(avatar)

    async def read(self, avatar_id: uuid.UUID, size: AvatarSize) -> bytes | None:
        """Read one size; None if it has been deleted. Raises as `add` does."""
        return await self._store.get(avatar_id, size)

    async def discard(self, *avatar_ids: uuid.UUID | None) -> None:
        """Delete those of the pictures that have ended, now. What fails or takes long, the cleanup does."""
        known_ids = [avatar_id for avatar_id in avatar_ids if avatar_id is not None]
        if not known_ids:
            return
        try:
            async with asyncio.timeout(_DISCARD_SECONDS):
                await self._delete(
                    await self._database.read(
                        lambda connection: repository.find_ended_among(
                            connection, self._store.deletes, known_ids
                        )
                    )
                )
        except (DoorwardError, TimeoutError) as error:
            log.warning("avatar.left_to_cleanup", reason=type(error).__name__)

    async def delete_ended(self, *, count: int) -> int:
        """Delete up to `count` pictures that have ended; return how many. Raises as `add` does."""
        batch_size = min(count, _DELETED_AT_ONCE)
        ended = await self._database.read(
            lambda connection: repository.find_ended(connection, self._store.deletes, batch_size)
        )
        await self._delete(ended)
        return len(ended)

    def shutdown(self) -> None:
        """Wait for the picture that is being rendered."""
        self._renderer.shutdown()

    async def _delete(self, avatar_ids: Sequence[uuid.UUID]) -> None:
        if not avatar_ids:
            return
        await self._store.delete(avatar_ids)
        await self._database.write(lambda connection: repository.delete_ended(connection, avatar_ids))
