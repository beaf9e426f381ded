"""Endpoints of groups."""

import uuid
from typing import Annotated, Final

from starlette.responses import Response

from doorward_client.bearer_auth import requires
from doorward_client.permissions import Permission
from doorward_client.tokens import Claims
from doorward_kit.dependencies import provide
from doorward_kit.pagination import Cursor, Limit, Page
from doorward_kit.routing import api_router
from doorward_users.groups.repository import GroupRow
from doorward_users.groups.schemas import Group, GroupMember, GroupWrite, UserGroups
from doorward_users.groups.service import GroupService

Groups = Annotated[GroupService, provide(GroupService)]

PREFIX: Final = "/api/v1/users"
GROUPS: Final = f"{PREFIX}/groups"

GroupReader = Annotated[Claims, requires(Permission.USERS_READ)]
GroupManager = Annotated[Claims, requires(Permission.USERS_WRITE)]

router = api_router(prefix=PREFIX, tag="groups")


@router.get("/groups", summary="List groups")
async def list_groups(
    _caller: GroupReader, groups: Groups, cursor: Cursor = None, limit: Limit = 50
) -> Page[Group]:
    """List the groups by name."""
    found, next_cursor = await groups.list_page(cursor, limit)
    return Page(items=[_group(row) for row in found], next_cursor=next_cursor)


@router.post("/groups", status_code=201, summary="Create a group")
async def create_group(body: GroupWrite, caller: GroupManager, groups: Groups, response: Response) -> Group:
    """Create a group. Applications get the names of a user's groups with the scope `groups`."""
    group = await groups.create(caller, body.name)
    response.headers["Location"] = f"{GROUPS}/{group.id}"
    return _group(group)


@router.patch("/groups/{group_id}", summary="Rename a group")
async def rename_group(group_id: uuid.UUID, body: GroupWrite, caller: GroupManager, groups: Groups) -> Group:
    """Change the name. Applications that know the group by the old one do not follow."""
    return _group(await groups.rename(caller, group_id, body.name))


@router.delete("/groups/{group_id}", status_code=204, response_class=Response, summary="Delete a group")
async def delete_group(group_id: uuid.UUID, caller: GroupManager, groups: Groups) -> Response:
    """Delete a group; its members stay."""
    await groups.delete(caller, group_id)
    return Response(status_code=204)


@router.get("/groups/{group_id}/members", summary="List the members of a group")
async def list_group_members(
    group_id: uuid.UUID, _caller: GroupReader, groups: Groups, cursor: Cursor = None, limit: Limit = 50
) -> Page[GroupMember]:
    """List the members by the age of their accounts."""
    found, next_cursor = await groups.list_members(group_id, cursor, limit)
    return Page(items=[GroupMember(id=row.id, name=row.name) for row in found], next_cursor=next_cursor)


@router.put(
    "/groups/{group_id}/members/{user_id}",
    status_code=204,
    response_class=Response,
    summary="Add a user to a group",
)
async def add_group_member(
    group_id: uuid.UUID, user_id: uuid.UUID, caller: GroupManager, groups: Groups
) -> Response:
    """Put a user into a group. Tokens have it from their next refresh on."""
    await groups.add_member(caller, group_id, user_id)
    return Response(status_code=204)


@router.delete(
    "/groups/{group_id}/members/{user_id}",
    status_code=204,
    response_class=Response,
    summary="Remove a user from a group",
)
async def remove_group_member(
    group_id: uuid.UUID, user_id: uuid.UUID, caller: GroupManager, groups: Groups
) -> Response:
    """Take a user out of a group. Tokens lose it with their next refresh."""
    await groups.remove_member(caller, group_id, user_id)
    return Response(status_code=204)


@router.get("/{user_id}/groups", summary="List the groups of a user")
async def list_user_groups(user_id: uuid.UUID, _caller: GroupReader, groups: Groups) -> UserGroups:
    """List the groups of a user by name; empty for an unknown user."""
    return UserGroups(items=[_group(row) for row in await groups.list_of_user(user_id)])


def _group(row: GroupRow) -> Group:
    return Group(id=row.id, name=row.name, created_at=row.created_at)
