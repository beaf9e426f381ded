"""The rules of pictures: users have one, which they set themselves, or who manages users."""

import uuid
from typing import NamedTuple

import sqlalchemy as sa

from doorward_client.bearer_auth import InsufficientPermissionError
from doorward_client.permissions import Permission
from doorward_client.tokens import Claims
from doorward_identity.audit.own_events import require_room
from doorward_identity.audit.repository import AuditAction
from doorward_identity.avatars import repository as avatars
from doorward_identity.avatars.avatar import AvatarReference, AvatarSize
from doorward_identity.avatars.storage.errors import StorageUnavailableError
from doorward_identity.current_account import require_authority, require_unchanged_account
from doorward_identity.passwords import charges
from doorward_identity.resources import IdentityResources
from doorward_users.avatars.errors import AvatarNotFoundError
from doorward_users.directory import repository
from doorward_users.directory.audit import log_change, record_change
from doorward_users.directory.errors import UserNotFoundError
from doorward_users.directory.repository import UserRow
from doorward_users.directory.role_rules import lock
from doorward_users.directory.service import DirectoryService


class StoredSize(NamedTuple):
    """One size of a picture, and the digest of the picture."""

    data: bytes
    digest: bytes


class AvatarService:
    """Sets, reads and deletes pictures of users."""

    def __init__(self, resources: IdentityResources, directory: DirectoryService) -> None:
        self._database = resources.database
        self._avatars = resources.avatars
        self._directory = directory

    async def find(self, caller: Claims, user_id: uuid.UUID) -> AvatarReference:
        """Return which picture a user has; raises UserNotFoundError, AvatarNotFoundError."""
        user = (await self._directory.get(caller, user_id)).user
        if user.avatar_id is None or user.avatar_digest is None:
            raise AvatarNotFoundError
        return AvatarReference(user.avatar_id, user.avatar_digest)

    async def read(
        self, caller: Claims, user_id: uuid.UUID, found: AvatarReference, size: AvatarSize
    ) -> StoredSize:
        """Read one size of what `find` has found, or of what has replaced it in the meantime.

        Raises as `find` does, StorageUnavailableError.
        """
        data = await self._avatars.read(found.id, size)
        if data is None:
            found = await self.find(caller, user_id)
            data = await self._avatars.read(found.id, size)
        if data is None:
            raise AvatarNotFoundError
        return StoredSize(data, found.digest)

    async def set(self, caller: Claims, user_id: uuid.UUID, image: bytes) -> bytes:
        """Make an image the picture of a user; return its digest. The same picture again changes nothing.

        Raises UserNotFoundError, InsufficientPermissionError, TargetOutranksCallerError, an error of
        IMAGE_ERRORS, OverloadedError, StorageUnavailableError; for the own picture TooManyAttemptsError.
        """
        # Before the work, which is not done for callers without the right to it.
        await self._database.read(lambda connection: self._require_right(connection, caller, user_id))
        rendered = await self._avatars.render(image, charges.by_owner(caller.user_id))
        added = await self._avatars.add(rendered)

        def work(connection: sa.Connection) -> uuid.UUID | None:
            """Return the picture that no user has any more."""
            user = self._lock(connection, caller, user_id)
            avatars.note_choice(connection, user.id)
            if user.avatar_digest == added.digest:
                avatars.end(connection, added.id)
                return added.id
            if not avatars.keep(connection, added.id):
                raise StorageUnavailableError  # an hour has passed
            self._change(connection, caller, user, added)
            return user.avatar_id

        discarded = await self._database.write(work)
        await self._avatars.discard(discarded)
        if discarded != added.id:
            log_change("avatar.set", caller, user_id)
        return added.digest

    async def delete(self, caller: Claims, user_id: uuid.UUID) -> None:
        """Delete the picture of a user, if there is one; raises as `set` does for the caller's right."""
        self._require_permission(caller, user_id)

        def work(connection: sa.Connection) -> uuid.UUID | None:
            user = self._lock(connection, caller, user_id)
            avatars.note_choice(connection, user.id)
            if user.avatar_id is not None:
                self._change(connection, caller, user, None)
            return user.avatar_id

        deleted = await self._database.write(work)
        if deleted is not None:
            await self._avatars.discard(deleted)
            log_change("avatar.deleted", caller, user_id)

    def _lock(self, connection: sa.Connection, caller: Claims, user_id: uuid.UUID) -> UserRow:
        user = lock(connection, user_id, None)
        require_unchanged_account(connection, caller)
        if user_id != caller.user_id:
            require_authority(caller, user.role)
        return user

    @staticmethod
    def _change(
        connection: sa.Connection, caller: Claims, user: UserRow, new: AvatarReference | None
    ) -> None:
        """Replace the picture of a locked user."""
        if user.avatar_id is not None:
            avatars.end(connection, user.avatar_id)
        columns = {
            "avatar_id": None if new is None else new.id,
            "avatar_digest": None if new is None else new.digest,
        }
        repository.update_user(connection, user.id, columns)
        action = AuditAction.AVATAR_DELETED if new is None else AuditAction.AVATAR_SET
        if user.id == caller.user_id and new is not None:
            require_room(connection, action, user.id)
        record_change(connection, action, caller, user.id)

    def _require_right(self, connection: sa.Connection, caller: Claims, user_id: uuid.UUID) -> None:
        self._require_permission(caller, user_id)
        user = repository.find_user(connection, user_id)
        if user is None:
            raise UserNotFoundError
        if user_id == caller.user_id:
            require_room(connection, AuditAction.AVATAR_SET, user_id)
        else:
            require_authority(caller, user.role)

    @staticmethod
    def _require_permission(caller: Claims, user_id: uuid.UUID) -> None:
        if user_id != caller.user_id and not caller.may(Permission.USERS_WRITE):
            raise InsufficientPermissionError(Permission.USERS_WRITE)
