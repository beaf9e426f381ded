"""The data of accounts that service clients may read."""

import uuid
from collections.abc import Sequence

from pydantic import BaseModel, Field

from doorward_auth import account_repository
from doorward_client.errors import DoorwardError
from doorward_identity import deleted_users_feed
from doorward_identity.accounts import Status
from doorward_identity.avatars.avatar import picture_url
from doorward_identity.deleted_users_feed import FeedCursor
from doorward_kit.pagination import Page
from doorward_kit.unit_of_work import Database


class CursorExpiredError(DoorwardError):
    """410: the feed no longer has the entry, so what follows it is unknown."""

    status = 410
    code = "cursor_expired"
    detail = "The feed does not go back as far. Look all your users up, and read it from its beginning."


class DeletedUser(BaseModel):
    """A user whose account was deleted."""

    id: uuid.UUID


class DeletedUserPage(BaseModel):
    """The entries of the feed behind `after`, in order, or from its beginning."""

    items: list[DeletedUser]
    next_cursor: str | None = Field(
        description="`after` of the next request, also at the end; null while the feed is empty."
    )
    has_more: bool = Field(description="Whether the next request finds more at once.")


class AccountSummary(BaseModel):
    """An account."""

    id: uuid.UUID
    email: str | None = Field(description="Null for users whose upstream sent none: they get no mail.")
    email_verified: bool = Field(
        description="Whether the address is proven. Otherwise it may be another user's."
    )
    name: str
    role: str
    status: Status
    picture: str | None = Field(description="As in the users service: the path of the picture, or null.")


class AccountLookup:
    """Reads accounts by id, and the feed of deleted users."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def deleted_users(self, after: str | None) -> DeletedUserPage:
        """Read a page of the feed; raises CursorExpiredError."""
        cursor = None if after is None else FeedCursor.parse(after)
        if after is not None and cursor is None:
            raise CursorExpiredError
        page = await self._database.read(lambda connection: deleted_users_feed.read(connection, cursor))
        if page is None:
            raise CursorExpiredError
        return DeletedUserPage(
            items=[DeletedUser(id=user_id) for user_id in page.user_ids],
            next_cursor=None if page.cursor is None else str(page.cursor),
            has_more=page.has_more,
        )

    async def find(self, user_ids: Sequence[uuid.UUID]) -> Page[AccountSummary]:
        """Read the accounts that exist, of the ids."""
        rows = await self._database.read(
            lambda connection: account_repository.find_summaries(connection, user_ids)
        )
        summaries = [
            AccountSummary(**row, picture=picture_url(row["id"], row["avatar_digest"])) for row in rows
        ]
        return Page(items=summaries, next_cursor=None)
