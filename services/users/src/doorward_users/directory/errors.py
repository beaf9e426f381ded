"""Errors of the directory."""

from doorward_client.errors import DoorwardError, NotFoundError


class UserNotFoundError(NotFoundError):
    """404 for an unknown id, or an account that the caller may not see."""

    code = "user_not_found"
    detail = "User not found."


class LastAdminError(DoorwardError):
    """409: one active administrator must remain."""

    status = 409
    code = "last_admin"
    detail = "This is the last active administrator. Appoint another administrator first."


class AlreadyJoinedError(DoorwardError):
    """409: the invited user has a password already, or has verified the address."""

    status = 409
    code = "already_joined"
    detail = "This user has joined already. Users reset a forgotten password themselves."
