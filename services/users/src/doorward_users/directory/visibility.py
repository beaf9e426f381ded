"""The part of the directory that a caller sees: all of it, names, or the own entry."""

import uuid

from doorward_client.bearer_auth import InsufficientPermissionError
from doorward_client.permissions import Permission
from doorward_client.tokens import Claims
from doorward_users.directory.errors import UserNotFoundError
from doorward_users.directory.schemas import DirectorySort
from doorward_users.settings import DirectoryVisibility

_BY_ADDRESS = frozenset({DirectorySort.EMAIL, DirectorySort.EMAIL_DESC})


class Visibility:
    """The setting `DOORWARD_DIRECTORY_VISIBILITY`. Holders of `users:read` see everything."""

    def __init__(self, of_members: DirectoryVisibility) -> None:
        self._of_members = of_members

    def require_entry(self, caller: Claims, user_id: uuid.UUID) -> None:
        """Raise UserNotFoundError for an entry that the caller may not see."""
        if user_id != caller.user_id and not self._sees_entries(caller):
            raise UserNotFoundError

    def require_list(self, caller: Claims, sort: DirectorySort) -> None:
        """Raise InsufficientPermissionError for a list, or an order, that would show what is hidden."""
        if not self._sees_entries(caller) or (sort in _BY_ADDRESS and not self.sees_addresses(caller)):
            raise InsufficientPermissionError(Permission.USERS_READ)

    def sees_addresses(self, caller: Claims) -> bool:
        """Tell whether the caller sees, and searches by, the addresses of other users."""
        return caller.may(Permission.USERS_READ) or self._of_members is DirectoryVisibility.MEMBERS

    def sees_address(self, caller: Claims, user_id: uuid.UUID) -> bool:
        """Tell whether the caller sees the address of a user: always the own one."""
        return user_id == caller.user_id or self.sees_addresses(caller)

    def _sees_entries(self, caller: Claims) -> bool:
        return caller.may(Permission.USERS_READ) or self._of_members is not DirectoryVisibility.ADMINS
