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


class OwnEmailError(DoorwardError):
    """409: administrators must verify a new address of their own, or they could lock themselves out."""

    status = 409
    code = "own_email"
    detail = "Change your own address with POST /api/v1/auth/email. A code by mail proves it."


class OwnPasswordError(DoorwardError):
    """409: an access token alone, perhaps a stolen one, must not be enough to replace a password."""

    status = 409
    code = "own_password"
    detail = "Change your own password with POST /api/v1/auth/password, which asks for the current one."


class AlreadyJoinedError(DoorwardError):
    """409: the invited user has a password already, or has verified the address."""

    status = 409
    code = "already_joined"
    detail = "This user has joined already. Users reset a forgotten password themselves."
