"""The changes that a request makes to an account, in the terms of doorward_identity.account_changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from doorward_identity.account_changes import AccountChange, Owner
from doorward_identity.accounts import Status
from doorward_identity.emails import email_key, spelling_key
from doorward_identity.names import name_key
from doorward_kit.column_types import utc_now
from doorward_users.directory.repository import UserRow
from doorward_users.directory.schemas import UserPatch, UserReplace


@dataclass(frozen=True, slots=True)
class RequestedChange:
    """Columns to set in an account, and whether a password is set, too."""

    before: UserRow
    has_password: bool
    columns: Mapping[str, Any]
    sets_password: bool
    can_be_proven: bool
    """Whether mail is sent, with a code that proves an address."""

    @property
    def is_empty(self) -> bool:
        """Whether everything is stored as requested already."""
        before = self.before._asdict()
        return not self.sets_password and all(before[name] == value for name, value in self.columns.items())

    @property
    def is_joining(self) -> bool:
        """Whether a password makes the account of an invited user usable, as at its creation."""
        return self.sets_password and not self.has_password and self.before.email_verified_at is None

    @property
    def changes(self) -> Sequence[AccountChange]:
        """The changes, in the order of the reasons for which sessions end."""
        before = self.before
        status, role = self.columns.get("status", before.status), self.columns.get("role", before.role)
        is_disabled = status != before.status and status == Status.DISABLED
        is_enabled = status != before.status and status == Status.ACTIVE
        found = [
            AccountChange.DISABLED if is_disabled else None,
            AccountChange.PASSWORD_SET if self.sets_password else None,
            self._email_change(),
            AccountChange.ROLE if role != before.role else None,
            AccountChange.ENABLED if is_enabled else None,
        ]
        return [change for change in found if change is not None]

    @property
    def verification(self) -> Mapping[str, Any]:
        """The column that says whether the address is verified, if that changes."""
        if self.is_joining:
            return {"email_verified_at": utc_now()}
        if self.sets_password and not self.can_be_proven and self._email_change() is None:
            # The administrator vouches: otherwise the user could never log in again.
            return {"email_verified_at": self.before.email_verified_at or utc_now()}
        return {} if self._email_change() is None else {"email_verified_at": None}

    @property
    def owner(self) -> Owner:
        """The user to notify, at the address before the change; it is unverified while a user is joining."""
        email = self.columns.get("email", self.before.email) if self.is_joining else self.before.email
        return Owner(self.before.id, email)

    def _email_change(self) -> AccountChange | None:
        before, after = self.before.email, self.columns.get("email", self.before.email)
        if self.is_joining or after == before:
            return None
        if not self.has_password and not self.sets_password:
            # Also for another spelling: an invitation is valid for the one that it was mailed to.
            return AccountChange.EMAIL_SET_WITHOUT_PASSWORD
        # Addresses that differ in case alone are one mailbox, which stays proven.
        return AccountChange.EMAIL_SET if spelling_key(after) != spelling_key(before) else None


def columns_of(requested: UserReplace | UserPatch) -> dict[str, Any]:
    """Return the columns that a body sets, with the keys that follow from them."""
    columns = requested.model_dump(mode="json", exclude_unset=True, exclude={"password"})
    if "email" in columns:
        columns["email_key"] = email_key(columns["email"])
    if "name" in columns:
        columns["name_key"] = name_key(columns["name"])
    return columns
