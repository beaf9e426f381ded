"""Errors of groups."""

from doorward_client.errors import DoorwardError, NotFoundError


class GroupNotFoundError(NotFoundError):
    """404 for an unknown id."""

    code = "group_not_found"
    detail = "Group not found."


class GroupNameTakenError(DoorwardError):
    """409: names are unique, because applications know groups by them."""

    status = 409
    code = "group_name_taken"
    detail = "Another group has this name."


class GroupLimitError(DoorwardError):
    """409 past the number of groups, or of the groups of one user."""

    status = 409
    code = "group_limit"
    detail = "There are too many groups, or this user is in too many of them."
