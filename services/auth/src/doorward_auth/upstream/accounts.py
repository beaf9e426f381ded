"""The account here of a subject of an upstream: found by provider and subject alone, or created."""

import hashlib
from dataclasses import dataclass

import sqlalchemy as sa
import uuid_utils.compat as uuid7s
from pydantic import TypeAdapter, ValidationError

from doorward_auth import account_repository
from doorward_auth.account_repository import Account, AccountChangedError
from doorward_auth.registration.policy import AddressPolicy
from doorward_auth.upstream import identities
from doorward_auth.upstream.link_errors import AlreadyLinkedError
from doorward_auth.upstream.roles import role_of
from doorward_auth.upstream_adapters.base import UpstreamUser
from doorward_identity.accounts import NewAccount, create_account
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.avatars import repository as avatars
from doorward_identity.avatars.avatar import AvatarReference
from doorward_identity.emails import EmailAddress, email_key
from doorward_identity.names import PersonName, default_name

_EMAIL: TypeAdapter[str] = TypeAdapter(EmailAddress)
_NAME: TypeAdapter[str] = TypeAdapter(PersonName)


@dataclass(frozen=True, slots=True)
class NewUserProfile:
    """The data of a new user: from the upstream, else from the registration."""

    email: str | None
    name: str | None
    is_email_verified: bool = False
    avatar: AvatarReference | None = None


class UpstreamAccounts:
    """Finds and creates accounts in the transaction of a login."""

    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy

    def require_open(self, profile: NewUserProfile) -> None:
        """Raise RegistrationClosedError or DomainNotAllowedError unless an account may be created.

        Where registration is for some domains, only an address that the upstream has verified counts.
        """
        proven = profile.email if profile.is_email_verified else None
        self._policy.require_open_to(None if proven is None else email_key(proven))

    def find(self, connection: sa.Connection, provider: str, user: UpstreamUser) -> Account | None:
        """Read and lock the account of a subject; raises AccountChangedError if its link was just removed.

        A login that has begun must not open a session after the upstream was unlinked. Both lock the user's
        row, so the link is read again under that lock.
        """
        owner = identities.find_user(connection, provider, user.subject)
        account = None if owner is None else account_repository.lock_by_id(connection, owner)
        if account is None:
            return None
        if identities.find_user(connection, provider, user.subject) != account.id:
            raise AccountChangedError
        return account

    def create(
        self, connection: sa.Connection, provider: str, user: UpstreamUser, profile: NewUserProfile
    ) -> Account:
        """Create an account without a password and link the subject to it.

        Raises AlreadyLinkedError and EmailTakenError if another login does the same at this moment.
        """
        self.require_open(profile)
        user_id = uuid7s.uuid7()
        account_role = role_of(user)
        email = profile.email or ""
        reserves = profile.is_email_verified and not account_repository.is_email_taken(
            connection, email_key(email)
        )
        create_account(
            connection,
            NewAccount(
                id=user_id,
                email=email,
                email_key=None if reserves else subject_key(provider, user.subject),
                name=profile.name or "",
                role=account_role,
                is_verified=reserves,
                avatar=_keep_avatar(connection, profile.avatar),
            ),
        )
        if not identities.link(connection, user_id, provider, user.subject, user.username):
            raise AlreadyLinkedError
        details = {"provider": provider, "role": account_role.value}
        record(connection, AuditAction.REGISTERED, actor=user_id, target=user_id, details=details)
        account = account_repository.find_by_id(connection, user_id)
        assert account is not None  # this transaction has inserted it
        return account


def profile_of(
    user: UpstreamUser,
    *,
    email: str | None = None,
    name: str | None = None,
    avatar: AvatarReference | None = None,
) -> NewUserProfile:
    """Return the profile of a new account; `email`, `name` and `avatar` are what its user gave here.

    Values that no account here could have are left out: an upstream's rules are its own.
    """
    claimed = _usable(_EMAIL, user.email)
    address = claimed or _usable(_EMAIL, email)
    display_name = _usable(_NAME, name) or _usable(_NAME, user.name) or _usable(_NAME, user.username)
    return NewUserProfile(
        email=address,
        name=display_name or (default_name(address) if address else "User"),
        is_email_verified=user.is_email_verified and claimed is not None,
        avatar=avatar,
    )


def subject_key(provider: str, subject: str) -> str:
    """Return the key of an account whose address is unverified.

    It reserves no address: another user may register the address, and no mail about it opens this account.
    No address has such a key, because it has no `@`.
    """
    return f"{provider}:{hashlib.sha256(subject.encode('utf-8')).hexdigest()}"


def _keep_avatar(connection: sa.Connection, avatar: AvatarReference | None) -> AvatarReference | None:
    """Keep a picture that was uploaded a moment ago, unless it has ended."""
    return avatar if avatar is not None and avatars.keep(connection, avatar.id) else None


def _usable(kind: TypeAdapter[str], value: str | None) -> str | None:
    try:
        return None if value is None else kind.validate_python(value)
    except ValidationError:
        return None
