"""Bodies of the directory."""

import uuid
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, field_validator

from doorward_client.permissions import Role
from doorward_identity.accounts import Status
from doorward_identity.emails import EmailAddress
from doorward_identity.names import PersonName
from doorward_identity.passwords import NewPassword
from doorward_kit.routing import StrictModel


class Sort(StrEnum):
    """Orders of the directory; a minus turns one around. Ties go by id."""

    CREATED_AT = "created_at"
    CREATED_AT_DESC = "-created_at"
    EMAIL = "email"
    EMAIL_DESC = "-email"
    NAME = "name"
    NAME_DESC = "-name"


class User(BaseModel):
    """One person's account."""

    id: uuid.UUID
    email: str
    name: str
    role: Role
    status: Status
    email_verified: bool
    created_at: datetime
    updated_at: datetime


class UserCreate(StrictModel):
    """A new account. With a password it can be used at once; without one its owner is invited by mail."""

    email: EmailAddress
    name: PersonName
    password: NewPassword | None = None
    role: Role = Role.USER


class UserReplace(StrictModel):
    """Everything about an account that an administrator sets; PUT replaces it as a whole."""

    email: EmailAddress
    name: PersonName
    role: Role
    status: Status


class UserPatch(StrictModel):
    """Any part of an account; what is absent stays. A new password ends the user's sessions."""

    email: EmailAddress | None = None
    name: PersonName | None = None
    role: Role | None = None
    status: Status | None = None
    password: NewPassword | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _not_null(cls, value: object) -> object:
        if value is None:
            raise ValueError("Leave the member out to keep its value; null is not one.")
        return value


class ProfilePatch(StrictModel):
    """What people change of their own account."""

    name: PersonName


class Filter(BaseModel):
    """Which entries of the directory."""

    model_config = ConfigDict(frozen=True)

    search: str | None = Field(default=None)
    role: Role | None = None
    status: Status | None = None
