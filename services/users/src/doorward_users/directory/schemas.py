"""Request and response bodies of the directory."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, field_validator

from doorward_client.permissions import Role
from doorward_identity.accounts import Status
from doorward_identity.emails import EmailAddress
from doorward_identity.names import PersonName
from doorward_identity.passwords import NewPassword
from doorward_kit.omissible import Omissible, reject_null
from doorward_kit.routing import StrictModel


class DirectorySort(StrEnum):
    """Orders of the directory, descending with a minus. Ties are broken by id."""

    CREATED_AT = "created_at"
    CREATED_AT_DESC = "-created_at"
    EMAIL = "email"
    EMAIL_DESC = "-email"
    NAME = "name"
    NAME_DESC = "-name"


class User(BaseModel):
    """An account."""

    id: uuid.UUID
    email: str | None = Field(
        description="Null for callers who do not see addresses (DOORWARD_DIRECTORY_VISIBILITY), and for users"
        " whose upstream told none."
    )
    name: str
    role: Role
    status: Status
    email_verified: bool | None = Field(description="Null for callers who do not see addresses.")
    created_at: datetime
    updated_at: datetime
    picture: str | None = Field(
        description="Path of the picture, with `&size=small` of the small one. Null without a picture."
        " It changes with the picture, so what it answers may be kept.",
    )


class AccountWarning(BaseModel):
    """A warning to an administrator about a change that was made."""

    code: str = Field(description="Stable.", examples=["email_outside_domains"])
    detail: str


EMAIL_OUTSIDE_DOMAINS: Final = AccountWarning(
    code="email_outside_domains",
    detail="The address belongs to none of the domains that may register (DOORWARD_REGISTRATION_DOMAINS).",
)


class ChangedUser(User):
    """An account after a change by an administrator."""

    warnings: list[AccountWarning] = Field(description="Usually empty. The change was made.")


class UserCreate(StrictModel):
    """A new account: usable at once with a password, otherwise its owner is invited by mail."""

    email: EmailAddress
    name: PersonName
    password: NewPassword | None = None
    role: Role = Role.USER


class UserReplace(StrictModel):
    """Every member that an administrator sets; PUT replaces all of them."""

    email: EmailAddress
    name: PersonName
    role: Role
    status: Status


class UserPatch(StrictModel):
    """Members to change; absent ones keep their value. A new password ends the user's sessions."""

    email: Omissible[EmailAddress] = None
    name: Omissible[PersonName] = None
    role: Omissible[Role] = None
    status: Omissible[Status] = None
    password: Omissible[NewPassword] = None

    @field_validator("*", mode="before")
    @classmethod
    def _not_null(cls, value: object) -> object:
        return reject_null(value)


class ProfilePatch(StrictModel):
    """The members that users change of their own account."""

    name: PersonName


class DirectoryFilter(BaseModel):
    """Conditions that listed accounts meet."""

    model_config = ConfigDict(frozen=True)

    search: str | None = Field(default=None)
    role: Role | None = None
    status: Status | None = None
