"""What registered services learn about accounts."""

import uuid
from collections.abc import Sequence

from doorward_auth.account_lookup import repository
from doorward_auth.account_lookup.errors import CursorExpiredError
from doorward_auth.account_lookup.schemas import Account, AccountList, DeletedUser, DeletionPage
from doorward_identity import deleted_users_feed
from doorward_identity.deleted_users_feed import FeedCursor
from doorward_kit.unit_of_work import Database


class AccountInformation:
    """Who was deleted, and whose an id is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def deletions(self, after: str | None) -> DeletionPage:
        """Read a page of the feed; raises CursorExpiredError."""
        cursor = None if after is None else FeedCursor.parse(after)
        if after is not None and cursor is None:
            raise CursorExpiredError
        found = await self._database.read(lambda connection: deleted_users_feed.read(connection, cursor))
        if found is None:
            raise CursorExpiredError
        return DeletionPage(
            users=[DeletedUser(id=one) for one in found.user_ids],
            cursor=None if found.cursor is None else str(found.cursor),
            has_more=found.has_more,
        )

    async def find(self, user_ids: Sequence[uuid.UUID]) -> AccountList:
        """Read the accounts that exist, of those asked for."""
        ids = list(user_ids)
        rows = await self._database.read(lambda connection: repository.find_accounts(connection, ids))
        return AccountList(accounts=[Account(**{**row._asdict(), "id": row.id}) for row in rows])
