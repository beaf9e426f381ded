"""One user of an import, and what makes it invalid."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import uuid_utils.compat as uuid7s
from pydantic import AfterValidator, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from doorward_client.permissions import Role
from doorward_identity.accounts import NewAccount, Status
from doorward_identity.bulk_accounts import BulkAccount
from doorward_identity.emails import EmailAddress, email_key
from doorward_identity.names import PersonName
from doorward_identity.passwords import CorruptHashError, from_keycloak, parse
from doorward_kit.routing import StrictModel
from doorward_kit.times import Time

_NO_PASSWORD: Final = "!"  # noqa: S105 - a mark, not a secret
_ADVICE: Final = "Leave `password_hash` out: the user then sets a password with a password reset"
_REASONS: Final = {
    "too_costly": "verifying this password hash would take more time or memory than a login may",
    "malformed": "this password hash is incomplete, damaged or of an unsupported variant",
}
_UNSUPPORTED: Final = (
    "not a supported password hash (Argon2, bcrypt, PBKDF2, scrypt; see docs/administration.md)"
)
_FIRST_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _require_past(moment: datetime) -> datetime:
    # Clocks differ a little. Compared before it is converted, which the first and last years do not survive.
    if not _FIRST_TIME <= moment <= datetime.now(UTC) + timedelta(minutes=5):
        raise PydanticCustomError("not_past", "The time is not between 1970 and now.")
    return moment


class ImportedUser(StrictModel):
    """One line of the file.

    `password_hash` is the text of a hash, or a credential exported by Keycloak. Django writes `!` and a
    random text for "no password". An export of Doorward has the id, which an import does not keep.
    """

    id: str | None = None
    email: EmailAddress
    name: PersonName
    role: Role = Role.USER
    status: Status = Status.ACTIVE
    email_verified: bool = True
    created_at: Annotated[Time, AfterValidator(_require_past)] | None = None
    password_hash: str | None = None

    @field_validator("password_hash", mode="before")
    @classmethod
    def _from_other_system(cls, value: object) -> object:
        if isinstance(value, str) and value.startswith(_NO_PASSWORD):
            return None
        if not isinstance(value, dict):
            return value
        try:
            return from_keycloak(value["credentialData"], value["secretData"])
        except CorruptHashError as error:
            raise _not_importable(error) from None
        except (KeyError, TypeError, AttributeError):
            raise _not_importable(CorruptHashError("malformed")) from None

    @field_validator("password_hash")
    @classmethod
    def _verifiable(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                parse(value)
            except CorruptHashError as error:
                raise _not_importable(error) from None
        return value

    @property
    def email_key(self) -> str:
        return email_key(self.email)

    def account(self) -> BulkAccount:
        """Return the account to create."""
        account = NewAccount(
            id=uuid7s.uuid7(),
            email=self.email,
            name=self.name,
            role=self.role,
            is_verified=self.email_verified,
            password_hash=self.password_hash,
            status=self.status,
        )
        return BulkAccount(account, self.email_key, self.created_at)


def reasons(error: ValidationError) -> Iterator[str]:
    """Yield what is wrong with a line, without its content."""
    for problem in error.errors(include_input=False, include_url=False):
        member = ".".join(str(part) for part in problem["loc"])
        yield f"{member}: {problem['msg']}" if member else problem["msg"]


def _not_importable(error: CorruptHashError) -> PydanticCustomError:
    reason = _REASONS.get(error.reason, _UNSUPPORTED)
    return PydanticCustomError("hash_not_importable", "{text}", {"text": f"{reason}. {_ADVICE}"})
