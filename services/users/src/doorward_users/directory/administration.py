"""The rules of administering accounts, and of renaming one's own."""

import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
import uuid_utils.compat as uuid7s

from doorward_client.permissions import Role
from doorward_client.tokens import Claims
from doorward_identity import deleted_users_feed
from doorward_identity.account_changes import CONSEQUENCES, AccountChange, follow_up
from doorward_identity.accounts import NewAccount, Status, create_account
from doorward_identity.administrators import administers
from doorward_identity.audit.own_events import require_room
from doorward_identity.audit.repository import AuditAction
from doorward_identity.avatars import repository as avatar_repository
from doorward_identity.current_account import require_authority, require_unchanged_account
from doorward_identity.emails import reserves_address
from doorward_identity.logout_deliveries import announce_deletion
from doorward_identity.mail_types import MailName, enqueue_mail, require_transport
from doorward_identity.names import name_key
from doorward_identity.passwords import charges, require_acceptable
from doorward_identity.resources import IdentityResources
from doorward_identity.sessions import end_tokens
from doorward_identity.upstream_revocations import revoke_grants_of_user
from doorward_users.directory import repository
from doorward_users.directory.audit import describe_changes, log_change, record_change
from doorward_users.directory.changes import RequestedChange, columns_of
from doorward_users.directory.errors import AlreadyJoinedError, OwnEmailError, OwnPasswordError
from doorward_users.directory.repository import UserRow
from doorward_users.directory.role_rules import lock, lock_for_demotion
from doorward_users.directory.schemas import (
    EMAIL_OUTSIDE_DOMAINS,
    AccountWarning,
    UserCreate,
    UserPatch,
    UserReplace,
)
from doorward_users.directory.serializers import Entry
from doorward_users.settings import UsersSettings


class ChangedAccount(NamedTuple):
    """An account after a change, and what its administrator should know about it."""

    user: UserRow
    warnings: Sequence[AccountWarning]


class AccountAdministration:
    """Creates, invites, changes and deletes accounts."""

    def __init__(self, resources: IdentityResources, settings: UsersSettings) -> None:
        self._resources = resources
        self._database = resources.database
        self._hashing = resources.hashing
        self._settings = settings
        self._token_seconds = settings.access_token_seconds
        self._is_outside_domains = settings.is_outside_domains
        self._passwords_are_temporary = settings.admin_set_password_must_change

    async def create(self, caller: Claims, new: UserCreate) -> ChangedAccount:
        """Create an account: verified with a password, otherwise invited by mail.

        Raises EmailTakenError, UnacceptablePasswordError, MailNotConfiguredError, and as require_authority
        does.
        """
        require_authority(caller, Role.USER, new.role)
        password_hash = None
        if new.password is None:
            require_transport(self._settings)
        else:
            require_acceptable(new.password.get_secret_value(), email=new.email, name=new.name)
            password_hash = await self._hashing.hash(
                new.password.get_secret_value(), charges.by_owner(caller.user_id)
            )
        account = NewAccount(
            id=uuid7s.uuid7(),
            email=new.email,
            name=new.name,
            role=new.role,
            is_verified=password_hash is not None,
            password_hash=password_hash,
            must_change=self._passwords_are_temporary,
        )

        def work(connection: sa.Connection) -> UserRow:
            require_unchanged_account(connection, caller)
            create_account(connection, account)
            user = repository.get_user(connection, account.id)
            if password_hash is None:
                _invite(connection, user)
            invited = password_hash is None
            record_change(
                connection, AuditAction.ACCOUNT_CREATED, caller, user.id, role=user.role, invited=invited
            )
            return user

        user = await self._database.write(work)
        log_change("user.created", caller, user.id, role=user.role)
        return ChangedAccount(user, self._warnings(user.email_key))

    async def invite(self, caller: Claims, user_id: uuid.UUID) -> None:
        """Mail a new invitation to a user without a password.

        Raises MailNotConfiguredError, UserNotFoundError, AlreadyJoinedError.
        """
        require_transport(self._settings)

        def work(connection: sa.Connection) -> None:
            user = lock(connection, user_id, None)
            require_unchanged_account(connection, caller)
            has_joined = user.email_verified_at is not None or repository.has_password(connection, user.id)
            if has_joined or not reserves_address(user.email_key):
                raise AlreadyJoinedError
            _invite(connection, user)
            record_change(connection, AuditAction.ACCOUNT_INVITED, caller, user.id)

        await self._database.write(work)

    async def replace(
        self, caller: Claims, user_id: uuid.UUID, replacement: UserReplace, if_match: str | None
    ) -> ChangedAccount:
        """Replace every member that an administrator sets; raises as `update` does."""
        return await self._change(caller, user_id, columns_of(replacement), None, if_match)

    async def update(
        self, caller: Claims, user_id: uuid.UUID, patch: UserPatch, if_match: str | None
    ) -> ChangedAccount:
        """Change members of an account; what follows is in doorward_identity.account_changes.

        Raises UserNotFoundError, PreconditionFailedError, EmailTakenError, LastAdminError, OwnEmailError,
        OwnPasswordError, MailNotConfiguredError, UnacceptablePasswordError; for the caller's own account
        TooManyAttemptsError. Members that are as stored change nothing.
        """
        password = None if patch.password is None else patch.password.get_secret_value()
        if password is not None and user_id == caller.user_id:
            raise OwnPasswordError
        return await self._change(caller, user_id, columns_of(patch), password, if_match)

    async def rename(self, caller: Claims, name: str, if_match: str | None) -> Entry:
        """Change the caller's own name; raises as `update` does."""
        changes = {"name": name, "name_key": name_key(name)}
        changed = await self._change(caller, caller.user_id, changes, None, if_match)
        return Entry(changed.user, shows_address=True)

    async def delete(self, caller: Claims, user_id: uuid.UUID, if_match: str | None) -> None:
        """Delete an account; raises UserNotFoundError, PreconditionFailedError, LastAdminError."""

        def work(connection: sa.Connection) -> UserRow:
            user = lock_for_demotion(connection, user_id, if_match)
            require_unchanged_account(connection, caller)
            require_authority(caller, user.role)
            end_tokens(connection, user.id, token_seconds=self._token_seconds)
            announce_deletion(connection, user.id)
            revoke_grants_of_user(connection, user.id)
            repository.delete_user(connection, user.id)
            if user.avatar_id is not None:
                avatar_repository.end(connection, user.avatar_id)
            record_change(connection, AuditAction.ACCOUNT_DELETED, caller, user.id)
            deleted_users_feed.append(connection, user.id)
            return user

        deleted = await self._database.write(work)
        self._resources.revocation_poller.wake()
        await self._resources.avatars.discard(deleted.avatar_id)
        log_change("user.deleted", caller, user_id)

    async def _change(
        self,
        caller: Claims,
        user_id: uuid.UUID,
        changes: dict[str, Any],
        password: str | None,
        if_match: str | None,
    ) -> ChangedAccount:
        charge = charges.by_owner(caller.user_id)
        password_hash = None if password is None else await self._hashing.hash(password, charge)

        def work(connection: sa.Connection) -> tuple[ChangedAccount, bool]:
            may_demote = not administers(
                changes.get("role", Role.ADMIN), changes.get("status", Status.ACTIVE)
            )
            lock_it = lock_for_demotion if may_demote else lock
            user = lock_it(connection, user_id, if_match)
            require_unchanged_account(connection, caller)
            if user_id != caller.user_id or changes.keys() & {"role", "status"} or password_hash is not None:
                require_authority(caller, user.role, changes.get("role"))
            if password_hash is not None:
                require_acceptable(
                    password or "",
                    email=changes.get("email", user.email),
                    name=changes.get("name", user.name),
                )
            requested = RequestedChange(
                user,
                has_password=repository.has_password(connection, user.id),
                columns=changes,
                sets_password=password_hash is not None,
                can_be_proven=self._settings.has_mail_transport,
            )
            if requested.is_empty:
                return ChangedAccount(user, []), False
            _require_allowed_to_owner(connection, caller, requested)
            if any(CONSEQUENCES[change].new_address for change in requested.changes):
                # The user needs that mail to log in with the new address.
                require_transport(self._settings)
            if password_hash is not None:
                repository.set_password_hash(
                    connection, user.id, password_hash, must_change=self._passwords_are_temporary
                )
            repository.update_user(connection, user.id, {**changes, **requested.verification})
            for change in requested.changes:
                follow_up(
                    connection,
                    change,
                    requested.owner,
                    token_seconds=self._token_seconds,
                    new_email=changes.get("email"),
                )
            record_change(
                connection,
                AuditAction.ACCOUNT_UPDATED,
                caller,
                user.id,
                **describe_changes(user, changes),
                password=password_hash is not None,
            )
            is_moved = changes.get("email_key", user.email_key) != user.email_key
            warnings = self._warnings(changes["email_key"]) if is_moved else []
            return ChangedAccount(repository.get_user(connection, user.id), warnings), True

        changed, is_new = await self._database.write(work)
        if is_new:
            self._resources.revocation_poller.wake()
            log_change(
                "user.updated", caller, user_id, fields=sorted(changes), password=password_hash is not None
            )
        return changed

    def _warnings(self, email_key: str) -> Sequence[AccountWarning]:
        return [EMAIL_OUTSIDE_DOMAINS] if self._is_outside_domains(email_key) else []


def _require_allowed_to_owner(connection: sa.Connection, caller: Claims, requested: RequestedChange) -> None:
    """Raise OwnEmailError or TooManyAttemptsError for what callers may not do to their own accounts."""
    if requested.before.id == caller.user_id:
        if AccountChange.EMAIL_SET in requested.changes:
            raise OwnEmailError
        require_room(connection, AuditAction.ACCOUNT_UPDATED, caller.user_id)


def _invite(connection: sa.Connection, user: UserRow) -> None:
    enqueue_mail(connection, MailName.INVITATION, user.email, user_id=user.id)
