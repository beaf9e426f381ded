"""Request and response bodies of groups."""

import uuid
from datetime import datetime

from pydantic import BaseModel

from doorward_identity.group_names import GroupName
from doorward_kit.routing import StrictModel


class GroupWrite(StrictModel):
    """A group, new or renamed."""

    name: GroupName


class Group(BaseModel):
    """A group of users."""

    id: uuid.UUID
    name: str
    created_at: datetime


class GroupMember(BaseModel):
    """A user in a group."""

    id: uuid.UUID
    name: str


class UserGroups(BaseModel):
    """The groups of a user, by name."""

    items: list[Group]
