"""The rules of reading the directory."""

import uuid
from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from doorward_client.tokens import Claims
from doorward_identity.resources import IdentityResources
from doorward_kit.bounded_search import SearchResult
from doorward_kit.dataloader import DataLoader
from doorward_kit.pagination import CursorCodec
from doorward_users.directory import repository
from doorward_users.directory.errors import UserNotFoundError
from doorward_users.directory.list_query import DirectoryQuery
from doorward_users.directory.repository import UserRow
from doorward_users.directory.schemas import DirectoryFilter, DirectorySort
from doorward_users.directory.search import list_users
from doorward_users.directory.serializers import Entry
from doorward_users.directory.visibility import Visibility
from doorward_users.settings import UsersSettings


class UserPage(NamedTuple):
    """One page of the directory and the cursor of the next page, None on the last."""

    entries: Sequence[Entry]
    next_cursor: str | None


class DirectoryService:
    """Reads accounts, as far as the caller may see them."""

    def __init__(self, resources: IdentityResources, settings: UsersSettings) -> None:
        self._database = resources.database
        self._visibility = Visibility(settings.directory_visibility)
        self._cursors = CursorCodec(lambda: settings.cursor_secrets(resources.verification.keys))
        self._by_id = DataLoader("users", resources.database, repository.find_users, resources.metrics)

    async def get(self, caller: Claims, user_id: uuid.UUID) -> Entry:
        """Read one account; raises UserNotFoundError, also if the caller may not see it."""
        self._visibility.require_entry(caller, user_id)
        user = await self._by_id.get(user_id)
        if user is None:
            raise UserNotFoundError
        return Entry(user, shows_address=self._visibility.sees_address(caller, user_id))

    async def list_page(
        self, caller: Claims, criteria: DirectoryFilter, sort: DirectorySort, cursor: str | None, limit: int
    ) -> UserPage:
        """Read one page; raises InsufficientPermissionError or InvalidCursorError.

        A search that would read too many rows returns a short page with a cursor.
        """
        self._visibility.require_list(caller, sort)
        sees_addresses = self._visibility.sees_addresses(caller)
        identity = (criteria.search, criteria.role, criteria.status, sort, sees_addresses)
        position = None if cursor is None else self._cursors.decode(cursor, query=identity)
        query = DirectoryQuery(criteria, sort, searches_addresses=sees_addresses)

        def work(connection: sa.Connection) -> SearchResult[UserRow]:
            # One row more than asked for shows whether there is a next page.
            return list_users(connection, query, position, limit + 1)

        found, stopped_at = await self._database.read(work)
        page, next_cursor = self._cursors.page(
            found, limit, query.position, query=identity, stopped_at=stopped_at
        )
        entries = [Entry(row, sees_addresses or row.id == caller.user_id) for row in page]
        return UserPage(entries, next_cursor)
