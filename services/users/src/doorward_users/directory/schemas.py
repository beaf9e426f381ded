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

_STRICT = ConfigDict(extra="forbid", hide_input_in_errors=True)


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


class UserCreate(BaseModel):
    """A new account. With a password it can be used at once; without one its owner is invited by mail."""

    model_config = _STRICT

    email: EmailAddress
    name: PersonName
    password: NewPassword | None = None
    role: Role = Role.USER


class UserReplace(BaseModel):
    """Everything about an account that an administrator sets; PUT replaces it as a whole."""

    model_config = _STRICT

    email: EmailAddress
    name: PersonName
    role: Role
    status: Status


class UserPatch(BaseModel):
    """Any part of an account; what is absent stays. A new password ends the user's sessions."""

    model_config = _STRICT

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


class ProfilePatch(BaseModel):
    """What people change of their own account."""

    model_config = _STRICT

    name: PersonName


class Filter(BaseModel):
    """Which entries of the directory."""

    model_config = ConfigDict(frozen=True)

    search: str | None = Field(default=None)
    role: Role | None = None
    status: Status | None = None
