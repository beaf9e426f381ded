"""Refusals of the directory."""

from doorward_client.errors import DoorwardError, NotFoundError


class UserNotFoundError(NotFoundError):
    """404 for an id that nobody has, or whose bearer the caller may not see."""

    code = "user_not_found"
    detail = "There is no such user."


class LastAdminError(DoorwardError):
    """409: somebody must be left who can administer."""

    status = 409
    code = "last_admin"
    detail = "This is the last active administrator. Appoint another one first."


class AlreadyJoinedError(DoorwardError):
    """409 for inviting somebody who has a password or has proven the address."""

    status = 409
    code = "already_joined"
    detail = "This user has joined already. A forgotten password is reset by its owner."
