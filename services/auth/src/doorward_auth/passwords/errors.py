"""Refusals of changing passwords."""

from doorward_client.errors import DoorwardError, FieldError


class SamePasswordError(DoorwardError):
    """422 for a new password that is the old one."""

    status = 422
    code = "password_unchanged"
    detail = "The new password is the one that the account has."
    errors = (FieldError(pointer="/new_password", code=code, detail=detail),)
