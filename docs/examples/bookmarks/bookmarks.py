"""A service of your own next to Doorward's: each user's bookmarks. README.md says how to run it."""

import sys
import uuid
from dataclasses import dataclass
from typing import Annotated, Final

import sqlalchemy as sa
import uuid_utils.compat as uuid7s
from fastapi import FastAPI, Response
from pydantic import BaseModel, Field

from doorward_client.errors import DoorwardError
from doorward_client.fastapi import CurrentUser
from doorward_kit.app import AppResources, ServiceDefinition, create_service
from doorward_kit.column_types import TABLE_OPTIONS, Uuid, exact_text
from doorward_kit.dependencies import provide
from doorward_kit.routing import StrictModel, api_router
from doorward_kit.server import run_service
from doorward_kit.settings import ServiceSettings
from doorward_kit.unit_of_work import Database

MOST: Final = 50
"""Bookmarks of a user, so that a list needs no pages. Requests at the same time may add a few more."""

metadata: Final = sa.MetaData()
bookmarks: Final = sa.Table(
    "bookmarks",
    metadata,
    sa.Column("id", Uuid(), primary_key=True),
    sa.Column("user_id", Uuid(), nullable=False, index=True),
    sa.Column("url", exact_text(2000), nullable=False),
    **TABLE_OPTIONS,
)


class BookmarkNotFoundError(DoorwardError):
    """404, also for another user's bookmark."""

    status, code, detail = 404, "bookmark_not_found", "You have no such bookmark."


class TooManyBookmarksError(DoorwardError):
    """409: the user has as many bookmarks as allowed."""

    status, code, detail = 409, "too_many_bookmarks", f"You have {MOST} bookmarks. Delete one first."


class BookmarkCreate(StrictModel):
    """A new bookmark."""

    url: str = Field(pattern=r"^https?://\S+$", max_length=2000, examples=["https://example.com/"])


class Bookmark(BaseModel):
    """A bookmark."""

    id: uuid.UUID
    url: str


class BookmarkService:
    """The rules, without FastAPI: each user has bookmarks of their own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, user_id: uuid.UUID) -> list[Bookmark]:
        """Return the bookmarks of a user, the newest first: the ids are in the order of time."""
        found = sa.select(bookmarks.c.id, bookmarks.c.url).where(bookmarks.c.user_id == user_id)
        rows = await self._database.read(lambda c: c.execute(found.order_by(bookmarks.c.id.desc())).all())
        return [Bookmark(id=row.id, url=row.url) for row in rows]

    async def create(self, user_id: uuid.UUID, url: str) -> Bookmark:
        """Store a bookmark; raises TooManyBookmarksError."""
        new = Bookmark(id=uuid7s.uuid7(), url=url)
        own = sa.select(bookmarks.c.id).where(bookmarks.c.user_id == user_id)

        def work(connection: sa.Connection) -> None:
            if len(connection.execute(own).all()) >= MOST:
                raise TooManyBookmarksError
            connection.execute(bookmarks.insert().values(**new.model_dump(), user_id=user_id))

        await self._database.write(work)
        return new

    async def delete(self, user_id: uuid.UUID, bookmark_id: uuid.UUID) -> None:
        """Delete a bookmark; raises BookmarkNotFoundError."""
        own = bookmarks.delete().where(bookmarks.c.id == bookmark_id, bookmarks.c.user_id == user_id)
        if not await self._database.write(lambda connection: connection.execute(own).rowcount):
            raise BookmarkNotFoundError


@dataclass(frozen=True, slots=True)
class Services:
    """The container that endpoints get their service from."""

    bookmarks: BookmarkService


Bookmarks = Annotated[BookmarkService, provide(BookmarkService)]
router = api_router(prefix="/api/v1/bookmarks", tag="bookmarks")


@router.get("", summary="List your bookmarks")
async def list_bookmarks(caller: CurrentUser, service: Bookmarks) -> list[Bookmark]:
    return await service.list(caller.user_id)


@router.post("", status_code=201, summary="Add a bookmark")
async def create_bookmark(body: BookmarkCreate, caller: CurrentUser, service: Bookmarks) -> Bookmark:
    return await service.create(caller.user_id, body.url)


@router.delete("/{bookmark_id}", status_code=204, summary="Delete a bookmark")
async def delete_bookmark(bookmark_id: uuid.UUID, caller: CurrentUser, service: Bookmarks) -> Response:
    await service.delete(caller.user_id, bookmark_id)
    return Response(status_code=204)


def _schema_problem(connection: sa.Connection) -> str | None:
    return None if sa.inspect(connection).has_table("bookmarks") else "The table bookmarks is missing."


DEFINITION: Final = ServiceDefinition(
    name="bookmarks", description="Bookmarks.", routers=[router], schema_problem=_schema_problem
)


def create_app(settings: ServiceSettings) -> FastAPI:
    """Build the application; raises SettingsError."""
    resources = AppResources(settings)
    metadata.create_all(resources.database.engine)  # one table; a growing schema has migrations
    services = Services(BookmarkService(resources.database))
    return create_service(DEFINITION, settings, resources, services, owns_resources=True)


if __name__ == "__main__":
    sys.exit(run_service(ServiceSettings, create_app))
