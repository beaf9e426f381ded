"""Errors of linking."""

from doorward_client.errors import DoorwardError


class AlreadyLinkedError(DoorwardError):
    """409: the upstream account is linked to another user, or the user to another account there."""

    status = 409
    code = "upstream_already_linked"
    detail = "This upstream account is linked to another user, or you have another account linked."
