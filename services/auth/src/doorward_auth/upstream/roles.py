"""The roles of users whose upstream maps groups to roles: as at the upstream, at every login."""

import uuid
from collections.abc import Mapping

import sqlalchemy as sa
import structlog

from doorward_auth import account_repository
from doorward_auth.account_repository import Account, AccountChangedError
from doorward_auth.upstream_adapters.base import UpstreamUser
from doorward_auth.upstream_adapters.settings.provider import ProviderSettings
from doorward_client.permissions import Role
from doorward_identity.account_changes import AccountChange, follow_up
from doorward_identity.administrators import administers, lock_for_demotion
from doorward_identity.audit.repository import AuditAction, record

log = structlog.get_logger(__name__)


class UpstreamRoles:
    """Gives users the role of their groups, where the upstream's settings have roles."""

    def __init__(self, providers: Mapping[str, ProviderSettings], *, token_seconds: int) -> None:
        self._mapping = {name: provider for name, provider in providers.items() if provider.roles}
        self._token_seconds = token_seconds

    def apply(
        self, connection: sa.Connection, provider: str, user: UpstreamUser, account: Account
    ) -> Account:
        """Give an account the role of this login, and return it as it is then.

        The last administrator stays one. Other upstreams leave every role alone, and so does a login without
        groups where the settings say so. Raises AccountChangedError.
        """
        role, settings = role_of(user).value, self._mapping.get(provider)
        if settings is None or role == account.role:
            return account
        if user.are_groups_missing:
            # Many providers leave an empty claim out, and misconfigured ones every claim.
            log.warning("upstream.groups_missing", provider=provider, user_id=str(account.id))
            if settings.missing_groups == "keep_role":
                return account
        locked, is_last = _lock(connection, account, role)
        if locked != account:
            raise AccountChangedError
        if is_last:
            log.warning("upstream.role_kept", reason="last_administrator", user_id=str(account.id))
            return account
        account_repository.set_role(connection, account.id, role)
        follow_up(connection, AccountChange.ROLE, account.as_owner, token_seconds=self._token_seconds)
        record(
            connection,
            AuditAction.UPSTREAM_ROLE_CHANGED,
            actor=None,
            target=account.id,
            details={"provider": provider, "role": [account.role, role]},
        )
        return _read(connection, account.id)


def role_of(user: UpstreamUser) -> Role:
    """Return the role of a login; without a group that gives one it is that of any user."""
    return Role.USER if user.role is None else Role(user.role)


def _lock(connection: sa.Connection, account: Account, role: str) -> tuple[Account, bool]:
    """Lock an account that gets `role`; return it, and whether the last administrator would be lost."""
    if administers(role, account.status):
        return _locked(connection, account.id), False
    return lock_for_demotion(connection, account.id, find=account_repository.find_by_id, lock=_locked)


def _locked(connection: sa.Connection, user_id: uuid.UUID) -> Account:
    return _existing(account_repository.lock_by_id(connection, user_id))


def _read(connection: sa.Connection, user_id: uuid.UUID) -> Account:
    return _existing(account_repository.find_by_id(connection, user_id))


def _existing(account: Account | None) -> Account:
    if account is None:
        raise AccountChangedError
    return account
