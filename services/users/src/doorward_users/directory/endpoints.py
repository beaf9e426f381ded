"""Endpoints of the directory."""

import uuid
from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from doorward_client.bearer_auth import CurrentUser, requires
from doorward_client.permissions import Permission, Role
from doorward_client.tokens import Claims
from doorward_identity.accounts import Status
from doorward_kit.etags import IfMatch, IfNoneMatch
from doorward_kit.fast_routes import FastRoute
from doorward_kit.pagination import Cursor, Limit, Page
from doorward_kit.routing import api_router
from doorward_users.directory.dependencies import Administration, Directory
from doorward_users.directory.schemas import (
    ChangedUser,
    DirectoryFilter,
    DirectorySort,
    User,
    UserCreate,
    UserPatch,
    UserReplace,
)
from doorward_users.directory.serializers import changed_response, page_response, user_response

PREFIX = "/api/v1/users"

UserManager = Annotated[Claims, requires(Permission.USERS_WRITE)]

router = api_router(prefix=PREFIX, tag="users")
fast_router = api_router(prefix=PREFIX, tag="users", route_class=FastRoute)


@fast_router.get("", response_model=Page[User], summary="List users")
async def list_users(  # noqa: PLR0913, PLR0917 - a parameter for each of the query's
    caller: CurrentUser,
    directory: Directory,
    q: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=100,
            description="Words to search for. A user is found if each of them is the start of a word of the"
            " name, of an email address that the caller sees, or of its domain, whatever the case and the"
            " accents. A text with `@` is the start of an address, or of a domain: `@example.com`.",
        ),
    ] = None,
    role: Role | None = None,
    status: Status | None = None,
    sort: DirectorySort = DirectorySort.CREATED_AT,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Read the directory page by page: pass `next_cursor` back as `cursor` until it is null.

    A page of a search may have fewer users than `limit`, or none, before the last page.
    """
    page = await directory.list_page(
        caller, DirectoryFilter(search=q, role=role, status=status), sort, cursor, limit
    )
    return page_response(page.entries, page.next_cursor)


@router.post("", status_code=201, response_model=ChangedUser, summary="Create a user")
async def create_user(body: UserCreate, caller: UserManager, administration: Administration) -> Response:
    """Create an account. With a password it is usable at once; without one its owner is invited by mail."""
    user, warnings = await administration.create(caller, body)
    return changed_response(user, warnings, status_code=201, location=f"{PREFIX}/{user.id}")


@fast_router.get("/{user_id}", response_model=User, summary="Read a user")
async def get_user(
    user_id: uuid.UUID, caller: CurrentUser, directory: Directory, if_none_match: IfNoneMatch = None
) -> Response:
    """Read one account. With `If-None-Match`, 304 if it has not changed."""
    return user_response(await directory.get(caller, user_id), if_none_match=if_none_match)


@router.post("/{user_id}/invitation", status_code=202, response_class=Response, summary="Invite a user again")
async def invite_user(user_id: uuid.UUID, caller: UserManager, administration: Administration) -> Response:
    """Mail a new code to a user who has not joined yet. Earlier codes become invalid."""
    await administration.invite(caller, user_id)
    return Response(status_code=202)


@router.put("/{user_id}", response_model=ChangedUser, summary="Replace a user")
async def replace_user(
    user_id: uuid.UUID,
    body: UserReplace,
    caller: UserManager,
    administration: Administration,
    if_match: IfMatch = None,
) -> Response:
    """Set email, name, role and status as a whole."""
    return changed_response(*await administration.replace(caller, user_id, body, if_match))


@router.patch("/{user_id}", response_model=ChangedUser, summary="Change a user")
async def update_user(
    user_id: uuid.UUID,
    body: UserPatch,
    caller: UserManager,
    administration: Administration,
    if_match: IfMatch = None,
) -> Response:
    """Change the members that the body contains."""
    return changed_response(*await administration.update(caller, user_id, body, if_match))


@router.delete("/{user_id}", status_code=204, summary="Delete a user")
async def delete_user(
    user_id: uuid.UUID, caller: UserManager, administration: Administration, if_match: IfMatch = None
) -> Response:
    """Delete an account and its sessions."""
    await administration.delete(caller, user_id, if_match)
    return Response(status_code=204)
