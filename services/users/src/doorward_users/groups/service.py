"""The rules of groups: who may change them, and how many there are."""

import uuid
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import sqlalchemy as sa
import structlog
import uuid_utils.compat as uuid7s

from doorward_client.tokens import Claims
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.current_account import require_authority, require_unchanged_account
from doorward_identity.resources import IdentityResources
from doorward_kit.pagination import CursorCodec, Position
from doorward_users.directory.errors import UserNotFoundError
from doorward_users.directory.repository import lock_user
from doorward_users.groups import repository
from doorward_users.groups.errors import GroupLimitError, GroupNotFoundError
from doorward_users.groups.repository import GroupRow, MemberRow
from doorward_users.settings import UsersSettings

T = TypeVar("T")

MAX_GROUPS: Final = 1_000
MAX_GROUPS_OF_USER: Final = 200

log = structlog.get_logger(__name__)


class GroupService:
    """Lists and changes groups. Every change raises InvalidAccessTokenError for a caller who has changed."""

    def __init__(self, resources: IdentityResources, settings: UsersSettings) -> None:
        self._database = resources.database
        self._cursors = CursorCodec(lambda: settings.cursor_secrets(resources.verification.keys))

    async def list_page(self, cursor: str | None, limit: int) -> tuple[Sequence[GroupRow], str | None]:
        """Read one page by name; raises InvalidCursorError."""
        query = ("groups",)
        after = None if cursor is None else self._cursors.decode(cursor, query=query).value
        found = await self._database.read(
            lambda connection: repository.list_groups(connection, after, limit + 1)
        )
        return self._cursors.page(found, limit, lambda row: Position(row.name, row.id.hex), query=query)

    async def list_members(
        self, group_id: uuid.UUID, cursor: str | None, limit: int
    ) -> tuple[Sequence[MemberRow], str | None]:
        """Read one page of a group's members; raises GroupNotFoundError and InvalidCursorError."""
        query = ("members", group_id)
        after = None if cursor is None else uuid.UUID(hex=self._cursors.decode(cursor, query=query).id)

        def work(connection: sa.Connection) -> Sequence[MemberRow]:
            if repository.find(connection, group_id) is None:
                raise GroupNotFoundError
            return repository.list_members(connection, group_id, after, limit + 1)

        found = await self._database.read(work)
        return self._cursors.page(found, limit, lambda row: Position("", row.id.hex), query=query)

    async def list_of_user(self, user_id: uuid.UUID) -> Sequence[GroupRow]:
        """Read the groups of a user: none of an unknown one."""
        return await self._database.read(lambda connection: repository.groups_of(connection, user_id))

    async def create(self, caller: Claims, name: str) -> GroupRow:
        """Store a group; raises GroupNameTakenError, GroupLimitError."""
        group_id = uuid7s.uuid7()

        def work(connection: sa.Connection) -> GroupRow:
            require_unchanged_account(connection, caller)
            if repository.count_groups(connection) >= MAX_GROUPS:
                raise GroupLimitError
            repository.insert(connection, group_id, name)
            _record(connection, AuditAction.GROUP_CREATED, caller, name)
            return _get(connection, group_id)

        return await self._database.write(work)

    async def rename(self, caller: Claims, group_id: uuid.UUID, name: str) -> GroupRow:
        """Change the name by which applications know the group.

        Raises GroupNotFoundError, GroupNameTakenError.
        """

        def work(connection: sa.Connection, group: GroupRow) -> GroupRow:
            repository.rename(connection, group_id, name)
            _record(connection, AuditAction.GROUP_UPDATED, caller, group.name, renamed_to=name)
            return _get(connection, group_id)

        return await self._change(caller, group_id, work)

    async def delete(self, caller: Claims, group_id: uuid.UUID) -> None:
        """Delete a group; its members stay. Raises GroupNotFoundError."""

        def work(connection: sa.Connection, group: GroupRow) -> None:
            repository.delete(connection, group_id)
            _record(connection, AuditAction.GROUP_DELETED, caller, group.name)

        await self._change(caller, group_id, work)

    async def add_member(self, caller: Claims, group_id: uuid.UUID, user_id: uuid.UUID) -> None:
        """Put a user into a group.

        Raises GroupNotFoundError, UserNotFoundError, GroupLimitError, TargetOutranksCallerError.
        """

        def work(connection: sa.Connection, group: GroupRow) -> None:
            _require_user(connection, caller, user_id)
            if repository.add_member(connection, group_id, user_id):
                if len(repository.groups_of(connection, user_id)) > MAX_GROUPS_OF_USER:
                    raise GroupLimitError
                _record(connection, AuditAction.GROUP_MEMBER_ADDED, caller, group.name, user_id)

        await self._change(caller, group_id, work)

    async def remove_member(self, caller: Claims, group_id: uuid.UUID, user_id: uuid.UUID) -> None:
        """Take a user out of a group, whether or not the user was in it.

        Raises GroupNotFoundError, UserNotFoundError, TargetOutranksCallerError.
        """

        def work(connection: sa.Connection, group: GroupRow) -> None:
            _require_user(connection, caller, user_id)
            if repository.remove_member(connection, group_id, user_id):
                _record(connection, AuditAction.GROUP_MEMBER_REMOVED, caller, group.name, user_id)

        await self._change(caller, group_id, work)

    async def _change(
        self, caller: Claims, group_id: uuid.UUID, change: Callable[[sa.Connection, GroupRow], T]
    ) -> T:
        def work(connection: sa.Connection) -> T:
            require_unchanged_account(connection, caller)
            group = repository.find(connection, group_id, lock=True)
            if group is None:
                raise GroupNotFoundError
            return change(connection, group)

        return await self._database.write(work)


def _require_user(connection: sa.Connection, caller: Claims, user_id: uuid.UUID) -> None:
    """Lock the account. Membership may open an application to it, so the caller needs authority over it."""
    user = lock_user(connection, user_id)
    if user is None:
        raise UserNotFoundError
    require_authority(caller, user.role)


def _get(connection: sa.Connection, group_id: uuid.UUID) -> GroupRow:
    group = repository.find(connection, group_id)
    assert group is not None  # the caller has just written it
    return group


def _record(
    connection: sa.Connection,
    action: AuditAction,
    caller: Claims,
    group: str,
    user_id: uuid.UUID | None = None,
    **details: object,
) -> None:
    record(connection, action, actor=caller.user_id, target=user_id, details={"group": group, **details})
