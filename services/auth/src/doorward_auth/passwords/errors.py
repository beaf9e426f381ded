"""Refusals of changing passwords."""

from doorward_common.errors import DoorwardError


class SamePasswordError(DoorwardError):
    """422 for a new password that is the old one."""

    status = 422
    code = "password_unchanged"
    detail = "The new password is the one that the account has."
