"""Bodies about accounts, for registered services."""

import uuid

from pydantic import BaseModel, Field

from doorward_identity.accounts import Status


class DeletedUser(BaseModel):
    """Somebody whose account was deleted."""

    id: uuid.UUID


class DeletionPage(BaseModel):
    """What the feed of deletions has behind `after`, in order, or from its beginning."""

    users: list[DeletedUser]
    cursor: str | None = Field(description="`after` of the next request; null while nobody was ever deleted.")
    has_more: bool = Field(description="Whether the next request finds more at once.")


class Account(BaseModel):
    """Whose an id is."""

    id: uuid.UUID
    email: str
    name: str
    role: str
    status: Status


class AccountList(BaseModel):
    """The accounts that exist, of those asked for."""

    accounts: list[Account]
