"""Errors of the directory."""

from doorward_client.errors import DoorwardError, NotFoundError


class UserNotFoundError(NotFoundError):
    """404 for an unknown id, or an account that the caller may not see."""

    code = "user_not_found"
    detail = "User not found."


class EmailTakenError(DoorwardError):
    """409: another account has this address, perhaps in another spelling (see emails.email_key)."""

    status = 409
    code = "email_taken"
    detail = "Another account has this email address."


class LastAdminError(DoorwardError):
    """409: one active administrator must remain."""

    status = 409
    code = "last_admin"
    detail = "This is the last active administrator. Appoint another administrator first."


class TargetOutranksCallerError(DoorwardError):
    """403: the account holds, or would get, a permission that the caller lacks."""

    status = 403
    code = "target_outranks_caller"
    detail = "This account has, or would get, a permission that you do not have."


class AlreadyJoinedError(DoorwardError):
    """409: the invited user has a password already, or has verified the address."""

    status = 409
    code = "already_joined"
    detail = "This user has joined already. Users reset a forgotten password themselves."
